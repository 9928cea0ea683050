// Keys, and Clear and Undo at once, in the browser: sent to the server and back, they would meet the next stroke half way and
// wipe it away. The canvas's own (hidden) buttons do the work. Its Undo knows only what was drawn since: as long as
// something lies on the board that the server laid there, Undo goes on to Streamlit's button.
const HIDE = ".dc-toolbar {display: none !important}";
const TEXT_FIELD = "input, textarea, select, [contenteditable=true], [role=combobox], [role=textbox]";
const KEYS = { c: "clear", z: "undo", n: "next" };
const boards = new WeakMap();

function canvasRoot() {
  for (const element of document.querySelectorAll(".st-key-canvas, .st-key-canvas *")) {
    if (element.shadowRoot?.querySelector(".dc-toolbar")) return element.shadowRoot;
  }
  return null;
}

const buttonOf = (name) => document.querySelector(`.st-key-${name} button`);

function dress(label) {
  const root = canvasRoot();
  if (!root) return false;
  if (!root.querySelector("style.dl-quiet")) {
    const style = document.createElement("style");
    style.className = "dl-quiet";
    style.textContent = HIDE;
    root.append(style);
  }
  const canvas = root.querySelector("canvas.upper-canvas");
  if (!canvas) return false;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  for (const [key, name] of Object.entries(KEYS)) buttonOf(name)?.setAttribute("aria-keyshortcuts", key);
  return true;
}

// Returns whether the browser could do it alone.
function perform(action, board) {
  const root = canvasRoot();
  const press = (title) => {
    const button = root?.querySelector(`.dc-toolbar button[title="${title}"]`);
    if (!button || button.disabled) return false;
    button.click();
    return true;
  };
  if (action === "undo" && board.laid) press("Update the app with this drawing"); // the server must know the last stroke
  if (action === "undo") return !board.laid && (press("Undo") || Boolean(root));
  if (action !== "clear" || !press("Reset canvas & history")) return false;
  board.laid = false;
  return true;
}

function onClick(event, board) {
  const button = event.composedPath().find((part) => part instanceof HTMLButtonElement);
  const action = Object.values(KEYS).find((name) => button && button === buttonOf(name));
  if (action && perform(action, board)) stop(event);
}

function onKey(event, board) {
  const action = KEYS[event.key.toLowerCase()];
  const command = event.ctrlKey || event.metaKey;
  if (!action || event.altKey || event.shiftKey || (command && action !== "undo")) return;
  if (event.composedPath()[0].closest?.(TEXT_FIELD)) return;
  stop(event); // Streamlit has a use of its own for C
  if (!event.repeat && !perform(action, board)) buttonOf(action)?.click();
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

export default function ({ parentElement, data }) {
  const status = parentElement.querySelector("[role=status]");
  if (status.textContent !== data.say) status.textContent = data.say;
  let board = boards.get(parentElement);
  if (!board) {
    board = { laid: false };
    const click = (event) => onClick(event, board);
    const key = (event) => onKey(event, board);
    window.addEventListener("click", click, true);
    window.addEventListener("keydown", key, true);
    board.stop = () => {
      window.removeEventListener("click", click, true);
      window.removeEventListener("keydown", key, true);
    };
    boards.set(parentElement, board);
  }
  board.laid = data.laid;
  const dressing = (left) => {
    if (!dress(data.label) && left) setTimeout(dressing, 50, left - 1);
  };
  dressing(100);
  return () => {
    boards.get(parentElement)?.stop();
    boards.delete(parentElement);
  };
}
