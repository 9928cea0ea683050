// Clear and Undo at once, in the browser: sent to the server and back, they would meet the next stroke half way and
// wipe it away. The canvas's own (hidden) buttons do the work; where they cannot, because the drawing was put there by
// the server, the click goes on to Streamlit's button.
const HIDE = ".dc-toolbar {display: none !important}";
const TEXT_FIELD = "input, textarea, select, [contenteditable=true], [role=combobox], [role=textbox]";
const boards = new WeakMap();

function canvasRoot() {
  for (const element of document.querySelectorAll(".st-key-canvas, .st-key-canvas *")) {
    if (element.shadowRoot?.querySelector(".dc-toolbar")) return element.shadowRoot;
  }
  return null;
}

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
  return true;
}

// Returns whether the browser could do it alone.
function perform(action, seeded) {
  const root = canvasRoot();
  const press = (title) => {
    const button = root?.querySelector(`.dc-toolbar button[title="${title}"]`);
    if (!button || button.disabled) return false;
    button.click();
    return true;
  };
  if (action === "undo") return press("Undo") || (Boolean(root) && !seeded);
  return !seeded && press("Reset canvas & history");
}

function actionOf(event) {
  if (event.type === "click") {
    const button = event.composedPath().find((part) => part instanceof HTMLButtonElement);
    if (button?.closest(".st-key-clear")) return "clear";
    return button?.closest(".st-key-undo") ? "undo" : "";
  }
  if (event.altKey || event.shiftKey || event.target.closest?.(TEXT_FIELD)) return "";
  const key = event.key.toLowerCase();
  const command = event.ctrlKey || event.metaKey;
  if (key === "z") return "undo";
  return key === "x" && !command ? "clear" : "";
}

export default function ({ parentElement, data }) {
  const status = parentElement.querySelector("[role=status]");
  if (status.textContent !== data.say) status.textContent = data.say;
  let board = boards.get(parentElement);
  if (!board) {
    board = { seeded: false };
    const listen = (event) => {
      const action = actionOf(event);
      if (!action || !perform(action, board.seeded)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    window.addEventListener("click", listen, true);
    window.addEventListener("keydown", listen, true);
    board.stop = () => {
      window.removeEventListener("click", listen, true);
      window.removeEventListener("keydown", listen, true);
    };
    boards.set(parentElement, board);
  }
  board.seeded = data.seeded;
  const dressing = (left) => {
    if (!dress(data.label) && left) setTimeout(dressing, 50, left - 1);
  };
  dressing(100);
  return () => {
    boards.get(parentElement)?.stop();
    boards.delete(parentElement);
  };
}
