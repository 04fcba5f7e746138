// @ts-check
/**
 * Says so where the browser is too old for the page. It is no module and keeps to what such browsers know: theirs is
 * the only page on which nothing else runs.
 */
(function () {
  var knows = "noModule" in document.createElement("script") && window.RTCPeerConnection && window.AbortSignal && "timeout" in AbortSignal && window.structuredClone;
  var notice = document.getElementById("old-browser");
  if (!knows && notice) notice.hidden = false;
})();
