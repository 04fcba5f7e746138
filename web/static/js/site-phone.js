// @ts-check
/** The telephone as a reserve: the site's link as a code to scan; and the way out of browsers inside other programs. */
import { byId, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { insideOf, insideWords } from "./permission-words.js";

export class SitePhone {
  constructor() {
    const dialog = /** @type {HTMLDialogElement} */ (byId("phone-dialog"));
    for (const opener of document.querySelectorAll("[data-phone]")) {
      opener.addEventListener("click", () => {
        /** @type {HTMLDialogElement} */ (byId("settings-dialog")).close();
        dialog.showModal();
      });
    }
    dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
    for (const button of document.querySelectorAll("[data-copy-link]")) button.addEventListener("click", () => void copy(/** @type {HTMLElement} */ (button)));
    const program = insideOf();
    show(byId("inside"), Boolean(program));
    setText(byId("inside-words"), insideWords(program));
    const chrome = /** @type {HTMLAnchorElement} */ (byId("inside-chrome"));
    show(chrome, Boolean(program) && /Android/.test(navigator.userAgent));
    const link = new URL(linkField().value);
    chrome.href = `intent://${link.host}${link.pathname}${link.search}#Intent;scheme=${link.protocol.replace(":", "")};package=com.android.chrome;end`;
  }
}

/** @returns {HTMLInputElement} */
const linkField = () => byId("site-link");

/** @param {HTMLElement} button says itself that it is done: a dialog covers all else */
async function copy(button) {
  const field = linkField();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select(); // a built-in browser without a clipboard: the old way, or by hand
    if (!document.execCommand("copy")) return setText(button, t("Press long on the address and choose Copy"));
  }
  setText(button, t("Copied: open Chrome and paste it there"));
}
