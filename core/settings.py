"""Every setting, read once from the environment. The only module that touches `os.environ`."""

import functools
import os
import re
import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.errors import SettingsError
from core.texts import t

ROOT = Path(__file__).resolve().parents[1]
SMALL_MB = 1024
SERVER_MB = 200  # what the server itself may take, proven by bench/dyno.py
SECRETS = ("WANDB_API_KEY", "DIGITLAB_PASSWORD")
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# Each was seen to be needed (a keyword of `wandb.init` is not enough for some): no output, no console capture, no
# telemetry, no git, no code, no machine, no list of packages; nothing but what we log.
_QUIET_WANDB = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_SAVE_CODE": "false",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_MACHINE_INFO": "true",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}

# ONNX Runtime 1.32 gives the machine an id and reports to Microsoft from the moment it is imported, unless told before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # or every training's log begins with TensorFlow's small talk
os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever somebody's ~/.keras/keras.json says


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; see `.env.example` for each name in words."""

    home: Path
    mnist: Path | None = None
    keras_home: Path = Path.home() / ".keras"
    max_jobs: int = 1
    memory_mb: int = 0
    password: str = field(default="", repr=False)
    access: str = "closed"
    rate: int = 600
    proxies: int = 0
    dyno: str = ""
    serve: str = "production"
    wandb_api_key: str = field(default="", repr=False)
    wandb_entity: str = ""
    wandb_project: str = "proj_mnist"
    wandb_mode: str = "offline"
    wandb_base_url: str = ""
    dask_scheduler: str = ""
    pens: Path | None = None
    port: int = 0
    netrc: Path = Path.home() / ".netrc"

    @property
    def small(self) -> bool:
        """Whether fit, export and tracking must follow one another, each in a process of its own."""
        return 0 < self.memory_mb < SMALL_MB

    def fits(self, need_mb: float) -> bool:
        """Tell whether a child that needs so much fits beside the server; where nobody knows the memory, it does."""
        return self.memory_mb <= 0 or self.memory_mb >= need_mb + SERVER_MB

    def without_places(self, text: str) -> str:
        """Return a text for a page: every folder and the machine's name by what it stands for."""
        named = {
            self.mnist: self.mnist.name if self.mnist else "",
            self.home: "DIGITLAB_HOME",
            self.keras_home: "KERAS_HOME",
            self.netrc: "NETRC",
            self.pens: self.pens.name if self.pens else "",
            ROOT: "the app's folder",
            Path(sys.prefix): "Python's folder",
            Path.home(): "~",
        }
        places = {str(path): name for path, name in named.items() if path and path != Path(path.anchor)}
        places[socket.gethostname()] = "this machine"
        for place in sorted(places, key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(place)}(?![\w-])", places[place], text)
        return text

    def child_environment(self, secrets: Collection[str] = ()) -> dict[str, str]:
        """Return the environment for a child process that sees these very settings.

        Parameters
        ----------
        secrets : names out of `SECRETS` that the child needs
            Every other secret is left out, so that a child cannot leak what it never had.
        """
        given = {
            "DIGITLAB_HOME": str(self.home),
            "DIGITLAB_MNIST": str(self.mnist or ""),
            "KERAS_HOME": str(self.keras_home),
            "DIGITLAB_MAX_JOBS": str(self.max_jobs),
            "DIGITLAB_MEMORY_MB": str(self.memory_mb),
            "DIGITLAB_SERVE": self.serve,
            "DIGITLAB_PASSWORD": self.password,
            "DIGITLAB_ACCESS": self.access,
            "DIGITLAB_RATE": str(self.rate),
            "DIGITLAB_PROXIES": str(self.proxies),
            "DYNO": self.dyno,
            "WANDB_API_KEY": self.wandb_api_key,
            "WANDB_ENTITY": self.wandb_entity,
            "WANDB_PROJECT": self.wandb_project,
            "WANDB_MODE": self.wandb_mode,
            "WANDB_BASE_URL": self.wandb_base_url,
            "DASK_SCHEDULER_ADDRESS": self.dask_scheduler,
            "NETRC": str(self.netrc),
            # A Windows console or a bare container would otherwise write the log in another encoding.
            "PYTHONUTF8": "1",
        }
        env = {k: v for k, v in os.environ.items() if k not in SECRETS} | given
        return {k: v for k, v in env.items() if v and (k not in SECRETS or k in secrets)}

    def quiet_wandb(self, online: bool = False) -> None:
        """Make this process's environment the quiet and private one, before wandb is imported.

        Every other `WANDB_` name goes, the key with them: what wandb never had, it can neither write nor send.

        Parameters
        ----------
        online : bool
            Leave wandb the key, the entity and the address, to sync.
        """
        for name in [n for n in os.environ if n.startswith("WANDB_")]:
            del os.environ[name]
        work = self.home / "wandb"
        places = {f"WANDB_{name.upper()}_DIR": str(work / name) for name in ("cache", "data", "config", "artifact")}
        known = {
            "WANDB_API_KEY": self.wandb_api_key,
            "WANDB_ENTITY": self.wandb_entity,
            "WANDB_BASE_URL": self.wandb_base_url,
        }
        # wandb itself appends "/wandb" to this one.
        os.environ.update(_QUIET_WANDB | places | {"WANDB_DIR": str(self.home)})
        if online:
            os.environ.update({name: value for name, value in known.items() if value})


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    environ : mapping, optional
        Instead of the process's own environment.

    Raises
    ------
    SettingsError
        Names the variable, its value and what it may be.
    """
    return _read(frozenset((os.environ if environ is None else environ).items()))


@functools.lru_cache(maxsize=4)  # a page asks some sixty times
def _read(variables: frozenset[tuple[str, str]]) -> Settings:
    env = dict(variables)
    home = _path(env, "DIGITLAB_HOME") or ROOT / ".digitlab"
    if home.exists() and not home.is_dir():
        raise SettingsError(
            t("DIGITLAB_HOME is {home!r}, which is a file; set it to a folder, or leave it out.", home=str(home))
        )
    return Settings(
        home=home,
        mnist=_path(env, "DIGITLAB_MNIST"),
        keras_home=_path(env, "KERAS_HOME") or Path.home() / ".keras",
        max_jobs=_whole(env, "DIGITLAB_MAX_JOBS", 1, 1, 64),
        memory_mb=_whole(env, "DIGITLAB_MEMORY_MB", 0, 0, 1 << 24) or machine_memory_mb(),
        password=env.get("DIGITLAB_PASSWORD", ""),
        access=_choice(env, "DIGITLAB_ACCESS", ("closed", "class")),
        rate=_whole(env, "DIGITLAB_RATE", 600, 0, 1_000_000),
        # Heroku's router is one proxy, and the last address in X-Forwarded-For is the one that it saw itself.
        proxies=_whole(env, "DIGITLAB_PROXIES", 1 if env.get("DYNO") else 0, 0, 9),
        dyno=env.get("DYNO", ""),
        serve=_serve(env),
        wandb_api_key=env.get("WANDB_API_KEY", "").strip(),
        wandb_entity=env.get("WANDB_ENTITY", ""),
        wandb_project=env.get("WANDB_PROJECT") or "proj_mnist",
        wandb_mode=_choice(env, "WANDB_MODE", ("offline", "online", "disabled")),
        wandb_base_url=env.get("WANDB_BASE_URL", ""),
        dask_scheduler=_scheduler(env),
        pens=_path(env, "DIGITLAB_PENS"),
        netrc=_path(env, "NETRC") or Path.home() / ".netrc",
        port=_whole(env, "PORT", 0, 0, 65535),
    )


def machine_memory_mb() -> int:
    """Return the memory this process may use, in MiB: the cgroup's limit, else the machine's."""
    total = psutil.virtual_memory().total
    for name in _CGROUP_LIMITS:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total // 2**20


def _path(env: Mapping[str, str], name: str) -> Path | None:
    try:
        return Path(env[name]).expanduser().resolve() if env.get(name) else None
    except RuntimeError as error:
        raise SettingsError(
            t("{name} is {given!r}, and there is no such user; give the whole path.", name=name, given=env[name])
        ) from error


def _serve(env: Mapping[str, str]) -> str:
    text = env.get("DIGITLAB_SERVE") or "production"
    if text not in ("production", "latest") and not re.fullmatch(r"v\d+", text):
        raise SettingsError(
            t(
                "DIGITLAB_SERVE is {text!r}; set it to production, latest or a version such as v3, or leave it out.",
                text=text,
            )
        )
    return text


def _scheduler(env: Mapping[str, str]) -> str:
    text = env.get("DASK_SCHEDULER_ADDRESS", "").strip()
    if text and not re.fullmatch(r"((tcp|tls|ws|wss)://)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}/?", text):
        raise SettingsError(
            t(
                "DASK_SCHEDULER_ADDRESS is {text!r}; set it to an address such as tcp://10.0.0.5:8786, or "
                "leave it out.",
                text=text,
            )
        )
    return text


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SettingsError(
            t(
                "{name} is {text!r}; set it to a whole number from {low} to {high}, or leave it out.",
                name=name,
                text=text,
                low=low,
                high=high,
            )
        )
    return int(text)


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = env.get(name) or choices[0]
    if text not in choices:
        raise SettingsError(
            t(
                "{name} is {text!r}; set it to one of {choices}, or leave it out.",
                name=name,
                text=text,
                choices=", ".join(choices),
            )
        )
    return text
