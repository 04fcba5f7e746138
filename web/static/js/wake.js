// @ts-check
/** Keeps the screen of a meeting room awake while the page takes part. A browser that cannot is left alone. */

let wanted = false;

/** To be called once the page takes part; asks again whenever the page comes back into sight. */
export function stayAwake() {
  if (!wanted) document.addEventListener("visibilitychange", () => void ask());
  wanted = true;
  void ask();
}

async function ask() {
  if (document.visibilityState !== "visible") return;
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // the battery is low, or the browser does not like it: the screen may go dark as it always did
  }
}
