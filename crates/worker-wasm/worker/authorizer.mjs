// The authorizer in any runtime that has WebAssembly. It asks for the time and nothing else: no network, no cryptography.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Authorizer {
  #module;
  #site;
  #wasm;

  /** `module`: the compiled edgepass-pure.wasm. `site`: the text of site.json, which holds the issuers' keys. */
  constructor(module, site) {
    this.#module = module;
    this.#site = encoder.encode(site);
    this.#start();
  }

  #start() {
    this.#wasm = new WebAssembly.Instance(this.#module, {}).exports;
    if (this.#wasm.open(...this.#give(this.#site)) !== 1) throw new Error(`site.json: ${this.#said()}`);
  }

  /** Bytes for wasm, which frees them. */
  #give(bytes) {
    const address = this.#wasm.alloc(bytes.length);
    new Uint8Array(this.#wasm.memory.buffer, address, bytes.length).set(bytes);
    return [address, bytes.length];
  }

  #said() {
    return decoder.decode(new Uint8Array(this.#wasm.memory.buffer, this.#wasm.out_ptr(), this.#wasm.out_len()));
  }

  /**
   * About `{ id, method, uri, querystring, headers }` with headers as `{ name: [{ value }] }`: either
   * `{ pass: { uri, bucket } }`, the object's key as a path and the number of its bucket, or `{ answer: { response, log } }`.
   */
  decide(question) {
    const bytes = encoder.encode(JSON.stringify(question));
    try {
      if (this.#wasm.decide(...this.#give(bytes), BigInt(Math.floor(Date.now() / 1000))) !== 1) throw new Error('no decision');
      return JSON.parse(this.#said());
    } catch (error) {
      // A trap leaves the instance in no state to go on with: a new one takes the next request.
      this.#start();
      throw error;
    }
  }
}
