{% autoescape off %}/* Shows a page of our own when there is no network. It stores the offline page and what that shows, nothing else:
   no personal page is ever kept. Every other request goes through untouched. */
"use strict";

const STORE = "offline-{{ version }}";
const KEPT = [{% for each in kept %}"{{ each }}"{% if not forloop.last %}, {% endif %}{% endfor %}];

self.addEventListener("install", function (event) {
  event.waitUntil(caches.open(STORE).then(function (store) {
    return store.addAll(KEPT.map(function (url) { return new Request(url, { credentials: "omit", cache: "reload" }); }));
  }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener("activate", function (event) {
  event.waitUntil(caches.keys().then(function (names) {
    return Promise.all(names.filter(function (name) { return name !== STORE; }).map(function (name) { return caches.delete(name); }));
  }).then(function () { return self.clients.claim(); }));
});

self.addEventListener("fetch", function (event) {
  const request = event.request;
  if (request.method !== "GET") return;
  const path = new URL(request.url).pathname;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(function () { return caches.match(KEPT[0]); }));
  } else if (KEPT.indexOf(path) > 0) {
    event.respondWith(fetch(request).catch(function () { return caches.match(path); }));
  }
});
{% endautoescape %}
