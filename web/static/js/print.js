// @ts-check
/** The two buttons of the print pages: print the sheet, copy the quick report. */

document.getElementById("print")?.addEventListener("click", () => window.print());

const copy = document.getElementById("copy");
copy?.addEventListener("click", async () => {
  const text = document.getElementById("quick-text");
  if (!text) return;
  if (await written(text.textContent ?? "")) copy.textContent = copy.dataset.done ?? "✓";
  else select(text);
});

/** @param {string} text @returns {Promise<boolean>} false where the browser does not let us */
async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Selects the text, so that Ctrl+C takes it. @param {HTMLElement} element */
function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}
