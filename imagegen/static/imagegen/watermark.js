// The preview of a watermark follows its form.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const proof = document.querySelector(".fp-proof");
  const form = proof && proof.closest("form");
  if (!form) return;
  const image = proof.querySelector("img");
  const note = proof.querySelector(".fp-proof__note");
  const fields = ["kind", "text", "position", "margin", "size", "opacity", "sample", "output"];
  let timer, running, shown;

  async function draw() {
    const values = new URLSearchParams();
    for (const name of fields) {
      const field = form.elements[name];
      if (field && field.value) values.set(name, field.value);
    }
    if (proof.dataset.profile) values.set("profile", proof.dataset.profile);
    if (running) running.abort();
    running = new AbortController();
    try {
      const answer = await fetch(`${proof.dataset.proof}?${values}`, { signal: running.signal });
      if (answer.ok) {
        const before = shown;
        shown = URL.createObjectURL(await answer.blob());
        image.removeAttribute("height");
        image.src = shown;
        if (before) URL.revokeObjectURL(before);
      }
      image.hidden = !answer.ok && !image.naturalWidth;
      stand(answer.headers.get("X-Field"));
      note.hidden = answer.ok;
      note.textContent = answer.ok ? "" : await sentenceOf(answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      note.hidden = false;
      note.textContent = "The preview could not be loaded.";
    }
  }

  // What is wrong with a field stands at the field, all else under the picture.
  function stand(name) {
    const row = name && form.querySelector(`.form-row.field-${name}`);
    if (row) row.append(note);
    else image.after(note);
  }

  async function sentenceOf(answer) {
    return answer.status === 422 ? answer.text() : "The preview could not be drawn.";
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(draw, 250);
  }
  // A picture that did not come has a reason.
  image.addEventListener("error", draw);
  if (image.complete && !image.naturalWidth) draw();
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  const button = proof.querySelector("[name=_preview]");
  if (button) button.hidden = true;
  // A field that the chosen kind has no use for steps back.
  const kind = form.elements.kind;
  function fit() {
    form.querySelector(".field-text").hidden = kind.value !== "text";
    form.querySelector(".field-logo").hidden = kind.value !== "logo";
  }
  if (kind) {
    kind.addEventListener("change", fit);
    fit();
  }
});
