/* <span data-seconds-left="90" hidden>… <span data-clock></span></span>: how long is left. At its end the page is
   loaded anew, because the server alone says what holds then. Without this script the page tells the time of day. */
(function () {
  "use strict";

  function two(number) { return String(number).padStart(2, "0"); }

  document.querySelectorAll("[data-seconds-left]").forEach(function (element) {
    var end = Date.now() + Number(element.dataset.secondsLeft) * 1000;
    var clock = element.querySelector("[data-clock]");

    function show() {
      if (!element.isConnected) return window.clearInterval(timer);
      var left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      clock.textContent = Math.floor(left / 60) + ":" + two(left % 60);
      if (left) return undefined;
      window.clearInterval(timer);
      window.location.reload();
      return undefined;
    }

    var timer = window.setInterval(show, 1000);
    element.hidden = false;
    show();
  });
})();
