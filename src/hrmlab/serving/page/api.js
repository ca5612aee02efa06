// Calls to the server: JSON, and streams of server-sent events.

export class Failure extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

function headers() {
  const key = sessionStorage.getItem("key");
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function checked(response) {
  if (response.ok) return response;
  let message = `the server answered ${response.status}`;
  try { message = (await response.json()).error.message; } catch { /* no JSON: the status says it */ }
  throw new Failure(response.status, message);
}

export async function get(path) {
  return (await checked(await fetch(path, { headers: headers() }))).json();
}

function sent(body, signal) {
  return { method: "POST", body: JSON.stringify(body), signal, headers: { "Content-Type": "application/json", ...headers() } };
}

export async function post(path, body, signal) {
  return (await checked(await fetch(path, sent(body, signal)))).json();
}

// Calls seen(name, data) for every event, in order; an event of data [DONE] ends it.
export async function stream(path, body, seen, signal) {
  const response = await checked(await fetch(path, sent(body, signal)));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      const field = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      const data = field("data");
      if (data === "[DONE]") return;
      const value = JSON.parse(data);
      if (value.error) throw new Failure(200, value.error.message);
      seen(field("event"), value);
    }
  }
}
