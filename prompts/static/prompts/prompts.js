// Copying a prompt: the button appears only where the browser can do it.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".prompt-view").forEach((view) => {
    const button = view.querySelector(".prompt-copy");
    if (!navigator.clipboard || !button) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(view.querySelector(".prompt-text").textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed here";
      }
      setTimeout(() => (button.textContent = "Copy"), 1600);
    });
  });
});
