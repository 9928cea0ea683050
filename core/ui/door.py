"""What this visitor may do, and the password that opens the rest."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import access
from core import settings as environment
from core.errors import AccessError
from core.texts import t


def level() -> str:
    """Return what this browser tab may do: `host`, `class` or `visitor`."""
    return access.level(environment.load(), _client(), session())


def is_host() -> bool:
    """Tell whether this browser tab may do everything."""
    return level() == access.HOST


def require(action: str) -> None:
    """Refuse what this visitor may not do.

    Raises
    ------
    AccessError
        What is closed, and how it is opened.
    """
    access.require(environment.load(), level(), action)


def closed(action: str) -> str:
    """Return why an action is closed to this visitor, or an empty text."""
    try:
        require(action)
    except AccessError as error:
        return str(error)
    return ""


def show_lock() -> None:
    """Offer to unlock this tab, or to lock it again, at the foot of the side bar; nothing where all is open."""
    settings = environment.load()
    if not settings.password:
        return
    with st.sidebar.container(key="door"):  # the style sheet puts it below what the page itself has there
        if is_host():
            st.button(
                t("Lock this tab"), key="lock", icon=":material/lock_open:", on_click=access.lock, args=(session(),)
            )
            return
        with st.expander(t("For the host"), icon=":material/lock:"), st.form("unlock-form", border=False):
            given = st.text_input(t("Password of this server"), type="password", key="password", autocomplete="off")
            if st.form_submit_button(t("Unlock this tab"), key="unlock"):
                _unlock(given)


def _unlock(given: str) -> None:
    try:
        access.unlock(environment.load(), _client(), session(), given)
    except AccessError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _client() -> access.Client:
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    # Streamlit gives no address for this very machine, and in an AppTest something that is no text.
    address = st.context.ip_address
    return access.client(environment.load(), address if isinstance(address, str) else None, headers)


def session() -> str:
    """Return the id of this browser session, empty outside of one."""
    context = get_script_run_ctx()
    return context.session_id if context else ""
