/**
 * A strict reader for one small XML element, as the metadata blocks of SQL files hold it.
 *
 * Elements, attributes, text, the five named entities, numeric references, CDATA, comments and processing instructions;
 * nothing else. Document type declarations are refused, so there are no entities to define and nothing to fetch.
 * Text before the root element and after its end is not looked at. One pass; depth and length are bounded by the
 * caller's limit on the text.
 * Source: Extensible Markup Language (XML) 1.0, fifth edition.
 */

/** What is wrong, as the end of a sentence about the block: "has an element that is not closed". */
export class XmlError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "XmlError";
  }
}

export interface XmlElement {
  /** Without namespace prefix. */
  name: string;
  /** By name without prefix. */
  attributes: ReadonlyMap<string, string>;
  /** The text directly inside, that of children left out; line ends as line feeds. */
  text: string;
  children: readonly XmlElement[];
}

/** The first element of the text. Throws XmlError when it is not well-formed up to its end tag. */
export function readXmlRoot(text: string): XmlElement {
  return new Reader(text).root();
}

interface OpenElement {
  qualifiedName: string;
  name: string;
  attributes: Map<string, string>;
  text: string;
  children: OpenElement[];
}

const BLANK = /[\t\n\r ]*/y;
/** The characters of names, generously: every letter and digit, and whatever else lies above U+00C0. */
const NAME = /[A-Za-z_:\u00c0-\uffff][A-Za-z0-9_:.\-\u00b7\u00c0-\uffff]*/y;
/** What XML 1.0 does not allow in a document. Half surrogate pairs cannot be in text that was UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters to refuse.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  }

  root(): XmlElement {
    for (;;) {
      this.#at = this.#text.indexOf("<", this.#at);
      if (this.#at < 0) throw new XmlError("has no XML element");
      if (!this.#skipMiscellaneous()) return this.#element();
    }
  }

  /** Elements are read with a stack of our own, so depth cannot exhaust that of the program. */
  #element(): XmlElement {
    const first = this.#openTag();
    const stack = first.closed ? [] : [first.element];
    for (let current = stack.at(-1); current; current = stack.at(-1)) {
      this.#textInto(current);
      if (this.#skipMiscellaneous()) continue;
      if (this.#startsWith("<![CDATA[")) {
        current.text += this.#until("<![CDATA[", "]]>", "a CDATA section");
      } else if (this.#startsWith("</")) {
        this.#closeTag(current);
        stack.pop();
      } else {
        const { element, closed } = this.#openTag();
        current.children.push(element);
        if (!closed) stack.push(element);
      }
    }
    return first.element;
  }

  #textInto(element: OpenElement): void {
    const end = this.#text.indexOf("<", this.#at);
    if (end < 0) throw new XmlError(`has an element <${element.name}> that is not closed`);
    const raw = this.#text.slice(this.#at, end);
    if (raw.includes("]]>")) throw new XmlError('has "]]>" outside a CDATA section');
    element.text += decodeText(raw);
    this.#at = end;
  }

  #openTag(): { element: OpenElement; closed: boolean } {
    this.#expect("<");
    const qualifiedName = this.#name();
    const attributes = this.#attributes();
    const closed = this.#startsWith("/>");
    this.#expect(closed ? "/>" : ">");
    return { element: { qualifiedName, name: localName(qualifiedName), attributes, text: "", children: [] }, closed };
  }

  #attributes(): Map<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      const separated = this.#match(BLANK) !== "";
      if (this.#startsWith(">") || this.#startsWith("/>")) return attributes;
      if (!separated) throw this.#unexpected();
      const name = localName(this.#name());
      this.#match(BLANK);
      this.#expect("=");
      this.#match(BLANK);
      if (attributes.has(name)) throw new XmlError(`repeats the attribute "${name}"`);
      attributes.set(name, this.#attributeValue());
    }
  }

  #attributeValue(): string {
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") throw new XmlError("has an attribute without quotes");
    const raw = this.#until(quote, quote, "an attribute");
    if (raw.includes("<")) throw new XmlError('has "<" inside an attribute; write &lt;');
    return decodeText(raw);
  }

  #closeTag(element: OpenElement): void {
    this.#expect("</");
    const name = this.#name();
    this.#match(BLANK);
    this.#expect(">");
    if (name !== element.qualifiedName) throw new XmlError(`closes <${element.qualifiedName}> with </${name}>`);
  }

  /** Comments and processing instructions, which may stand anywhere. True when one was skipped. */
  #skipMiscellaneous(): boolean {
    if (this.#startsWith("<!--")) {
      const body = this.#until("<!--", "-->", "a comment");
      if (body.includes("--")) throw new XmlError('has "--" inside an XML comment');
      return true;
    }
    if (this.#startsWith("<?")) {
      this.#until("<?", "?>", "a processing instruction");
      return true;
    }
    if (this.#startsWith("<!") && !this.#startsWith("<![CDATA[")) {
      throw new XmlError("has a document type declaration, which is not allowed");
    }
    return false;
  }

  /** The text between `open`, which stands here, and the next `close`; goes on after that. */
  #until(open: string, close: string, what: string): string {
    const start = this.#at + open.length;
    const end = this.#text.indexOf(close, start);
    if (end < 0) throw new XmlError(`has ${what} that is not closed`);
    this.#at = end + close.length;
    const text = this.#text.slice(start, end);
    if (FORBIDDEN.test(text)) throw new XmlError("has a character that XML does not allow");
    return text;
  }

  #name(): string {
    const name = this.#match(NAME);
    if (name === "") throw this.#unexpected();
    return name;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #expect(text: string): void {
    if (!this.#startsWith(text)) throw this.#unexpected();
    this.#at += text.length;
  }

  #unexpected(): XmlError {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    return new XmlError(`is not well-formed XML (line ${line} of the block)`);
  }
}

function localName(qualifiedName: string): string {
  return qualifiedName.slice(qualifiedName.indexOf(":") + 1);
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["apos", "'"],
  ["quot", '"'],
]);

function decodeText(raw: string): string {
  if (FORBIDDEN.test(raw)) throw new XmlError("has a character that XML does not allow");
  if (!raw.includes("&")) return raw;
  return raw.replace(/&([^;&]{0,12};)?/g, (_, reference: string | undefined) => {
    const character = reference === undefined ? undefined : decodeReference(reference.slice(0, -1));
    if (character === undefined) throw new XmlError('has an unknown entity; write "&" as &amp;');
    return character;
  });
}

function decodeReference(reference: string): string | undefined {
  const named = NAMED.get(reference);
  if (named !== undefined) return named;
  const [, hexadecimal, decimal] = /^#(?:x([0-9a-f]{1,8})|(\d{1,9}))$/i.exec(reference) ?? [];
  const code = hexadecimal === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hexadecimal, 16);
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  const character = String.fromCodePoint(code);
  return FORBIDDEN.test(character) ? undefined : character;
}
