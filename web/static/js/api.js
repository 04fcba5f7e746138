// @ts-check
/** The JSON API. A refusal becomes an `ApiError` with the sentence that the server made for people. */
import { errorText, t } from "./i18n.js";

export class ApiError extends Error {
  /** @param {string} code @param {string} message @param {number} status */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] a Blob (a file) goes as it is, anything else as JSON
 * @returns {Promise<any>}
 */
async function call(method, path, body) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": body instanceof Blob ? "application/octet-stream" : "application/json" }), "Accept-Language": document.documentElement.lang },
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new ApiError("unreachable", t("The server cannot be reached. Check the line and try again."), 0);
  }
  const content = await answer.json().catch(() => null);
  if (answer.ok) return content;
  const code = content?.code ?? "unknown";
  throw new ApiError(code, errorText(code, content?.message), answer.status);
}

/** @param {string} path */
export const get = (path) => call("GET", path);
/** @param {string} path @param {unknown} [body] */
export const post = (path, body = {}) => call("POST", path, body);
/** @param {string} path @param {unknown} body */
export const put = (path, body) => call("PUT", path, body);

/** @param {string} briefing @param {string} [rest] */
export const briefingUrl = (briefing, rest = "") => `/api/briefings/${encodeURIComponent(briefing)}${rest}`;
