// On the page of edits: a click sets the focal point, dragging chooses a part. Both only fill in
// the fields beside the picture, which work without this script too.
(() => {
  const canvas = document.querySelector("[data-region]");
  const picture = canvas && canvas.querySelector("img");
  if (!picture) return;
  const part = canvas.querySelector(".fp-canvas-part");
  const point = canvas.querySelector(".fp-canvas-point");
  const partForm = document.querySelector("[data-part]");
  const pointForm = document.querySelector("[data-point]");
  const field = (form, name) => form && form.elements.namedItem(name);
  const round = (value) => Math.round(value * 10) / 10;
  let start = null;

  const where = (event) => {
    const box = picture.getBoundingClientRect();
    const share = (at, from, size) => Math.min(100, Math.max(0, ((at - from) / size) * 100));
    return {
      x: share(event.clientX, box.left, box.width),
      y: share(event.clientY, box.top, box.height),
    };
  };

  const fill = (form, values) => {
    for (const [name, value] of Object.entries(values)) {
      const input = field(form, name);
      if (input) input.value = round(value);
    }
    draw();
  };

  const read = (form, name) => Number(field(form, name)?.value || 0);

  function draw() {
    const box = picture.getBoundingClientRect();
    const outer = canvas.getBoundingClientRect();
    const place = (element, left, top, width, height) => {
      element.style.left = `${box.left - outer.left + (left / 100) * box.width}px`;
      element.style.top = `${box.top - outer.top + (top / 100) * box.height}px`;
      element.style.width = `${(width / 100) * box.width}px`;
      element.style.height = `${(height / 100) * box.height}px`;
    };
    if (pointForm) {
      point.hidden = false;
      place(point, read(pointForm, "x"), read(pointForm, "y"), 0, 0);
    }
    if (partForm) {
      const [left, top, width, height] = ["left", "top", "width", "height"].map((name) =>
        read(partForm, name),
      );
      part.hidden = width >= 100 && height >= 100;
      place(part, left, top, width, height);
    }
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    start = where(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start || !partForm) return;
    const now = where(event);
    if (Math.abs(now.x - start.x) < 2 && Math.abs(now.y - start.y) < 2) return;
    fill(partForm, {
      left: Math.min(start.x, now.x),
      top: Math.min(start.y, now.y),
      width: Math.abs(now.x - start.x),
      height: Math.abs(now.y - start.y),
    });
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!start) return;
    const now = where(event);
    const still = Math.abs(now.x - start.x) < 2 && Math.abs(now.y - start.y) < 2;
    if (still && pointForm) fill(pointForm, now);
    start = null;
  });
  document.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  if (picture.complete) draw();
  picture.addEventListener("load", draw);
})();
