/**
 * Creates elements from values. Strings only become text nodes, so that a name that contains a tag
 * is shown exactly as it was typed.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Addresses that a link may have: of this site, of the web, or of a mailbox; never javascript:. */
const SAFE_ADDRESS = /^(?:https?:|mailto:|[/#?.])/i;

/**
 * @typedef {Node | string | number | false | null | undefined | Child[]} Child
 * @typedef {Record<string, unknown>} Properties
 */

/**
 * Make an HTML element.
 *
 * A property `on` holds listeners by event; `data` sets data-*; a function, an object or one of
 * the element's own properties in PROPERTIES is set as such, everything else as an attribute:
 * true as an empty one, false and null not at all.
 *
 * @param {string} name tag, with classes after dots: "div.card.stack"
 * @param {Properties | Child} [properties]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(name, properties, ...children) {
  const [tag, ...classes] = name.split(".");
  return build(document.createElement(tag), classes, properties, children);
}

/**
 * Make an SVG element; otherwise as h().
 *
 * @param {string} name
 * @param {Properties | Child} [properties]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(name, properties, ...children) {
  const [tag, ...classes] = name.split(".");
  return build(document.createElementNS(SVG, tag), classes, properties, children);
}

/** Must be set as properties: the attributes are only their initial values. */
const PROPERTIES = new Set(["value", "checked", "selected", "indeterminate", "disabled"]);

function build(element, classes, properties, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  if (isProperties(properties)) set(element, properties);
  else children.unshift(properties);
  append(element, children);
  return element;
}

function isProperties(value) {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Node)
  );
}

/**
 * Set properties as h() does.
 *
 * @param {Element} element
 * @param {Properties} properties
 */
export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) {
        element.addEventListener(event, listener);
      }
    } else if (name === "data") {
      for (const [key, datum] of Object.entries(value)) element.dataset[key] = String(datum);
    } else if (name === "class") {
      element.classList.add(...String(value || "").split(/\s+/).filter(Boolean));
    } else if (PROPERTIES.has(name)) {
      element[name] = value;
    } else if (value === null || value === undefined || (value === false && !/^aria-/.test(name))) {
      element.removeAttribute(name);
    } else if (/^on|^style$|^srcdoc$/i.test(name)) {
      throw new TypeError(`${name} is not set from a string`);
    } else if (/href|src|action/i.test(name) && !SAFE_ADDRESS.test(String(value).trim())) {
      element.removeAttribute(name);
    } else {
      // In ARIA, false is a value: not pressed, not expanded.
      element.setAttribute(name, value === true && !/^aria-/.test(name) ? "" : String(value));
    }
  }
}

/**
 * @param {Element} element
 * @param {Child} children
 */
function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Replace an element's children.
 *
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Set an element's text, unless it is the same already: nothing is announced twice.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Return the element with an id; it is an error if the page has none.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`there is no #${id} on this page`);
  return element;
}
