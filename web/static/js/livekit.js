// livekit-client, as `make setup` copies it from node_modules; livekit.d.ts beside it gives the checker its types.
// Its UMD build is minified, half the bytes of the module build; it leaves its names in LivekitClient. It is still
// more than all the rest of a page, 20 s of a thin line, so that the page comes first and works meanwhile.
const AGAIN_MS = 2000;

/** @type {Promise<any>|undefined} */
let coming;

/** The library, fetched once; tried again for as long as the line does not let it through. */
export function livekit() {
  coming ??= load();
  return coming;
}

async function load() {
  for (let tries = 0; ; tries += 1) {
    try {
      // a browser may remember that an address failed, so that the next try has another one
      await import(`../vendor/livekit-client.umd.js${tries ? `?again=${tries}` : ""}`);
      return globalThis.LivekitClient;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
