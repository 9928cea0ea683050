// The address bar holds the page's whole state; what is copied is what stands there at the click.
async function copied(field) {
  try {
    await navigator.clipboard.writeText(field.value); // not there over plain http, and may be forbidden
    return true;
  } catch {
    return false;
  }
}

export default function ({ data, parentElement }) {
  const [button, said, place, field] = ["button", "[role=status]", "label", "input"].map((what) =>
    parentElement.querySelector(what),
  );
  button.querySelector("span").textContent = data.copy;
  button.title = data.help;
  field.setAttribute("aria-label", data.here);
  button.onclick = async () => {
    field.value = window.location.href;
    const done = await copied(field);
    said.textContent = done ? data.copied : data.here;
    place.hidden = done;
    if (done) {
      setTimeout(() => (said.textContent = ""), 4000);
    } else {
      field.focus();
      field.select();
    }
  };
  const close = () => {
    place.hidden = true;
    said.textContent = "";
  };
  field.onblur = close;
  field.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    close();
    button.focus();
  };
}
