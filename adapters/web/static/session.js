// The session of this browser: made by the gateway, kept in the vault, shared by all tabs.

export class Session {
  #api;
  #vault;
  #request;

  constructor(api, vault, settings, userToken) {
    this.#api = api;
    this.#vault = vault;
    this.#request = { channel: settings.channel, ...(userToken && { user_token: userToken }) };
  }

  // {session_id, token, expires_at}, or null
  get current() {
    return this.#vault.get("session");
  }

  keep(session) {
    this.#vault.set("session", session && { session_id: session.session_id, token: session.token });
  }

  // The current session; a new one where there is none, or where it is still the `dead` one.
  need(dead = null) {
    const usable = () => (this.current?.token !== dead?.token ? this.current : null);
    return usable() ?? this.#vault.alone("session", async () => usable() ?? this.#begin());
  }

  async #begin() {
    this.keep(await this.#api.call("POST", "session", { body: this.#request }));
    return this.current;
  }

  #call(method, path, body) {
    return this.#api.call(method, path, { token: this.current.token, body });
  }

  async reset() {
    this.keep(await this.#call("POST", "session/reset"));
  }

  async end() {
    await this.#call("POST", "session/end");
    this.keep(null);
  }

  rate(seq, score) {
    return this.#call("POST", "session/feedback", { seq, score });
  }

  stop() {
    return this.#call("DELETE", "chat/turn");
  }

  async upload(file) {
    const form = new FormData();
    // Browsers put control characters of a name into the header as they are, where none may be.
    form.append("file", file, file.name.replace(/\p{Cc}/gu, " "));
    await this.need();
    return (await this.#call("POST", "chat/files", form)).files[0];
  }

  async transcript() {
    return (await this.#api.open("GET", "session/export?format=txt", { token: this.current.token })).blob();
  }
}
