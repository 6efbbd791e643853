// Curves as SVG, drawn anew with each sample: no library, no picture, nothing but paths and text.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes. */
function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
function rounded(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

/**
 * A chart that is given samples and keeps itself drawn.
 *   title, unit    what stands above it
 *   lines          [{ name, css, of(sample), area }]
 *   shown(value)   a value as text
 *   mark           { value, text }: a line to compare with
 */
export class Chart {
  constructor(figure, { title, lines, shown, mark, empty }) {
    Object.assign(this, { figure, lines, shown, mark, empty, samples: [], at: null });
    const caption = document.createElement("figcaption");
    const heading = document.createElement("h2");
    heading.textContent = title;
    this.legend = document.createElement("div");
    this.legend.className = "legend";
    this.values = lines.map((line) => {
      const item = document.createElement("span");
      const dot = document.createElement("i");
      dot.className = `dot ${line.css}`;
      const value = document.createElement("b");
      item.append(dot, line.name, " ", value);
      this.legend.append(item);
      return value;
    });
    caption.append(heading, this.legend);
    this.svg = draw("svg", { role: "img", class: "chart", tabindex: "0" });
    this.title = title;
    figure.replaceChildren(caption, this.svg);
    new ResizeObserver(() => this.paint()).observe(figure);
    this.svg.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.svg.addEventListener("keydown", (event) => this.step(event));
    this.svg.addEventListener("blur", () => this.point(null));
  }

  show(samples) {
    this.samples = samples;
    this.paint();
  }

  point(x) {
    if (x === null) this.at = null;
    else if (this.samples.length) {
      const share = (x - this.left) / (this.width - this.left - 8);
      const time = this.from + share * (this.to - this.from);
      this.at = this.samples.reduce(
        (best, sample, index) =>
          Math.abs(sample.at - time) < Math.abs(this.samples[best].at - time) ? index : best, 0);
    }
    this.paint();
  }

  step(event) {
    const last = this.samples.length - 1;
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60 }[event.key];
    if (move === undefined || last < 0) return;
    event.preventDefault();
    this.at = Math.min(last, Math.max(0, (this.at ?? last) + move));
    this.paint();
  }

  paint() {
    const { samples, lines, svg } = this;
    this.width = Math.max(this.figure.clientWidth - 32, 120);
    const height = 150, bottom = height - 18, top = 8;
    this.left = 46;
    const right = this.width - 8;
    svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    svg.setAttribute("height", height);
    const parts = [];
    const last = samples[this.at ?? samples.length - 1];
    this.values.forEach((value, index) => {
      const number = last && lines[index].of(last);
      value.textContent = number == null ? "–" : this.shown(number);
    });
    const spoken = lines.map((line, index) => `${line.name} ${this.values[index].textContent}`);
    svg.setAttribute("aria-label", `${this.title}: ${spoken.join(", ")}. Arrow keys go back in time.`);
    const all = samples.flatMap((sample) => lines.map((line) => line.of(sample) ?? 0));
    const most = rounded(Math.max(...all, this.mark ? this.mark.value * 1.15 : 0, 0));
    this.to = samples.at(-1)?.at ?? 0;
    this.from = Math.min(samples[0]?.at ?? 0, this.to - 120000);
    const x = (at) => this.left + ((at - this.from) / (this.to - this.from || 1)) * (right - this.left);
    const y = (value) => bottom - (Math.min(value, most) / most) * (bottom - top);
    for (const share of [0, 0.5, 1]) {
      const level = y(most * share);
      parts.push(draw("line", { class: "grid", x1: this.left, x2: right, y1: level, y2: level }));
      parts.push(draw("text", { class: "axis", x: this.left - 6, y: level + 3.5, "text-anchor": "end" },
        this.shown(most * share)));
    }
    const minutes = Math.max(1, Math.round((this.to - this.from) / 60000));
    parts.push(draw("text", { class: "axis", x: this.left, y: height - 3 }, `${minutes} min ago`));
    parts.push(draw("text", { class: "axis", x: right, y: height - 3, "text-anchor": "end" },
      this.at === null || !last ? "now" : new Date(last.at).toLocaleTimeString()));
    if (this.mark) {
      const level = y(this.mark.value);
      parts.push(draw("line", { class: "mark", x1: this.left, x2: right, y1: level, y2: level }));
      parts.push(draw("text", { class: "axis mark-text", x: right, y: level - 4, "text-anchor": "end" },
        this.mark.text));
    }
    for (const line of lines) parts.push(...this.curve(line, x, y, bottom));
    if (!all.some((value) => value > 0) && this.empty) {
      parts.push(draw("text", {
        class: "axis nothing", x: (this.left + right) / 2, y: (top + bottom) / 2 - 6,
        "text-anchor": "middle" }, this.empty));
    }
    if (this.at !== null && last) {
      parts.push(draw("line", { class: "cross", x1: x(last.at), x2: x(last.at), y1: top, y2: bottom }));
      for (const line of lines) {
        const value = line.of(last);
        if (value != null) parts.push(draw("circle", { class: line.css, cx: x(last.at), cy: y(value), r: 3.5 }));
      }
    }
    svg.replaceChildren(...parts);
  }

  /** The curve of one line; where nothing is known it is interrupted. */
  curve(line, x, y, bottom) {
    const stretches = [[]];
    for (const sample of this.samples) {
      const value = line.of(sample);
      if (value == null) stretches.push([]);
      else stretches.at(-1).push([x(sample.at), y(value)]);
    }
    const parts = [];
    for (const points of stretches.filter((points) => points.length > 1)) {
      const path = points.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
      if (line.area) {
        const [first, end] = [points[0][0].toFixed(1), points.at(-1)[0].toFixed(1)];
        parts.push(draw("path", { class: `area ${line.css}`, d: `${path}L${end} ${bottom}L${first} ${bottom}Z` }));
      }
      parts.push(draw("path", { class: `line ${line.css}`, d: path }));
    }
    return parts;
  }
}
