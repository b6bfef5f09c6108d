// What outlives the page, shared by all tabs of this site. Where storage is blocked it lasts as long as the page.

export class Vault {
  #prefix;
  #memory = new Map();
  #store = null;

  constructor(prefix) {
    this.#prefix = `${prefix}:`;
    try {
      localStorage.setItem(this.#prefix, "");
      localStorage.removeItem(this.#prefix);
      this.#store = localStorage;
    } catch {
      // Blocked by the browser, or full.
    }
  }

  get(name) {
    if (this.#memory.has(name)) return this.#memory.get(name);
    try {
      return JSON.parse(this.#store?.getItem(this.#prefix + name) ?? "null");
    } catch {
      return null;
    }
  }

  set(name, value) {
    try {
      if (value == null) this.#store.removeItem(this.#prefix + name);
      else this.#store.setItem(this.#prefix + name, JSON.stringify(value));
      this.#memory.delete(name);
    } catch {
      this.#memory.set(name, value);
    }
  }

  // Tells of changes made by other tabs.
  watch(listener, signal) {
    const heard = (event) => {
      if (event.key === null || event.key.startsWith(this.#prefix)) listener(event.key?.slice(this.#prefix.length));
    };
    addEventListener("storage", heard, { signal });
  }

  // One tab at a time where the browser has locks (https, localhost); else the gateway's own uniqueness must do.
  alone(name, work) {
    if (!this.#store || !navigator.locks) return work();
    return navigator.locks.request(this.#prefix + name, work);
  }
}
