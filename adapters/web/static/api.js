// The gateway's public API. The token travels in a header, never in a URL.

const PATIENCE = 30_000;

// What the gateway says when it refuses; anything else that fails is the connection's fault.
export class Problem extends Error {
  constructor(status, body, after) {
    super(body?.detail || body?.title || `HTTP ${status}`);
    this.status = status;
    this.code = body?.code || "";
    this.after = after;
  }

  // The session is over or unknown: another one is needed.
  get lost() {
    return this.status === 410 || (this.status === 401 && this.code.startsWith("token_"));
  }

  // Not a word against the request itself: it may be sent again as it is.
  get passing() {
    return this.status === 429 || this.status >= 500;
  }
}

export class Api {
  constructor(base) {
    this.base = base;
  }

  async open(method, path, { token, body, headers, signal } = {}) {
    const form = body instanceof FormData;
    const response = await fetch(new URL(`api/${path}`, this.base), {
      method,
      body: form || body === undefined ? body : JSON.stringify(body),
      headers: {
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && !form && { "Content-Type": "application/json" }),
        ...headers,
      },
      signal,
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    if (response.ok) return response;
    const after = Number(response.headers.get("Retry-After")) || 0;
    throw new Problem(response.status, await response.json().catch(() => null), after);
  }

  async call(method, path, options) {
    const patience = options?.body instanceof FormData ? 10 * PATIENCE : PATIENCE;
    const response = await this.open(method, path, { ...options, signal: AbortSignal.timeout(patience) });
    return response.status === 204 ? null : response.json().catch(() => null);
  }
}
