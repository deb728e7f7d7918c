/* Small comforts only: every flow works with this file absent. */
(function () {
  "use strict";

  /* A form is sent once. The button is not disabled, because a disabled button is left out of the form data. */
  function release(form) {
    delete form.dataset.sending;
    form.querySelectorAll("[aria-busy]").forEach(function (button) {
      button.removeAttribute("aria-busy");
    });
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    if (event.defaultPrevented || form.hasAttribute("data-resubmit")) return;
    form.dataset.sending = "yes";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
    /* A download answers without leaving the page: after a while the form may be sent again. */
    window.setTimeout(release, 15000, form);
  });

  /* Coming back through the browser's page cache must find a usable form. */
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) document.querySelectorAll("form[data-sending]").forEach(release);
  });

  /* Menus are <details>: close them on Escape, on a click elsewhere, and when focus leaves. */
  function closeMenus(except) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(except)) menu.open = false;
    });
  }

  document.addEventListener("click", function (event) { closeMenus(event.target); });
  document.addEventListener("focusin", function (event) { closeMenus(event.target); });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var open = document.querySelector("details.menu[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  /* A code copied from a text message often brings spaces or words with it. */
  document.addEventListener("input", function (event) {
    if (!event.target.matches("[data-digits]")) return;
    var digits = event.target.value.replace(/\D/g, "");
    if (digits !== event.target.value) event.target.value = digits;
  });

  /* <button data-wait="60">: not yet, and say how long. Without this script the server alone says it. */
  function countDown(button) {
    var label = button.textContent.trim();
    var left = Number(button.dataset.wait);
    button.disabled = true;
    var timer = window.setInterval(function () {
      left -= 1;
      button.textContent = left > 0 ? label + " (" + left + ")" : label;
      if (left > 0) return;
      button.disabled = false;
      window.clearInterval(timer);
    }, 1000);
  }

  document.querySelectorAll("button[data-wait]").forEach(countDown);

  /* A part that is asking the server anew says so; a server that does not answer is told of, once. */
  function note(text) {
    var place = document.getElementById("net-note");
    if (place && place.textContent !== text) place.textContent = text;
  }

  function troubled() { note(document.body.dataset[navigator.onLine === false ? "offline" : "trouble"] || ""); }

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!event.detail.elt.closest("[aria-live]")) event.detail.target.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    event.detail.target.removeAttribute("aria-busy");
    if (event.detail.successful) note("");
  });
  document.addEventListener("htmx:sendError", troubled);
  document.addEventListener("htmx:timeout", troubled);
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status >= 500) troubled();
  });
  window.addEventListener("offline", troubled);
  window.addEventListener("online", function () { note(""); });

  /* Only where the browser trusts the address; it shows a page of ours when there is no network. */
  if ("serviceWorker" in navigator && window.isSecureContext) {
    window.addEventListener("load", function () {
      navigator.serviceWorker.register("/sw.js").catch(function () { /* a comfort, not a need */ });
    });
  }

  /* Buttons that only a script can serve are hidden until there is one. */
  document.querySelectorAll("button[data-near]").forEach(function (button) {
    var told = document.getElementById("near-note");
    if (!navigator.geolocation || !window.isSecureContext) return;
    button.hidden = told.hidden = false;

    /* To three decimals, about 100 metres: more is nobody's business. */
    function go(found) {
      var address = new URL(window.location.href);
      address.searchParams.delete("place");
      address.searchParams.set("near", found.coords.latitude.toFixed(3) + "," + found.coords.longitude.toFixed(3));
      window.location.assign(address);
    }

    function refused() {
      button.removeAttribute("aria-busy");
      told.textContent = told.dataset.refused;
    }

    button.addEventListener("click", function () {
      button.setAttribute("aria-busy", "true");
      navigator.geolocation.getCurrentPosition(go, refused, { maximumAge: 300000, timeout: 10000 });
    });
    window.addEventListener("pageshow", function () { button.removeAttribute("aria-busy"); });
  });

  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });
})();
