// Server-sent events read with fetch: EventSource could not send the token in a header.

// Yields {id, event, data}; for a heartbeat `event` is "beat".
export async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let frame = { event: "message", data: "" };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const raw of lines) {
        const line = raw.replace(/\r$/, "");
        if (line.startsWith(":")) yield { event: "beat" };
        else if (line) read(line, frame);
        else {
          if (frame.data) yield { ...frame, data: JSON.parse(frame.data) };
          frame = { event: "message", data: "" };
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function read(line, frame) {
  const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
  if (field === "data") frame.data += frame.data ? `\n${value}` : value;
  else if (field === "id" || field === "event") frame[field] = value;
}
