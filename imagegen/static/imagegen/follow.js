// Parts of a page that wait for work look again every few seconds, until they wait no more.
// A part says where to look: <div id="…" data-follow="/address/">.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  async function look() {
    const part = document.querySelector("[data-follow]");
    if (!part) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.follow);
        if (answer.ok) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        // The net may come back: the next look tells.
      }
    }
    setTimeout(look, 4000);
  }

  function renew(page) {
    for (const part of document.querySelectorAll("[data-follow]")) {
      const now = page.getElementById(part.id);
      if (!now) part.removeAttribute("data-follow");
      // What has not changed stays, and with it the focus and what was opened.
      else if (now.textContent.trim() !== part.textContent.trim()) part.replaceWith(now);
    }
    // A text that nobody has touched takes what came.
    for (const field of document.querySelectorAll("textarea[id]")) {
      const fresh = page.getElementById(field.id);
      if (fresh && field.value === field.defaultValue) field.value = field.defaultValue = fresh.value;
    }
  }
  setTimeout(look, 4000);
});
