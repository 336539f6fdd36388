// Requests to the server. The token of this start comes in the fragment of the address, which no
// server sees, and stays in this tab.

const TOKEN_KEY = "review-token";

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN_KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  return given ?? sessionStorage.getItem(TOKEN_KEY) ?? "";
}

const token = takeToken();

/** An answer of the server that is an error, or no answer (status 0). */
export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Address for an element that cannot send headers: video, images, downloads. */
export function mediaUrl(path, parameters = {}) {
  return `${path}?${new URLSearchParams({ ...parameters, token })}`;
}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      ...options,
      cache: "no-store",
      headers: { ...options.headers, "X-Review-Token": token },
    });
  } catch {
    throw new RequestError("The server does not answer.", 0);
  }
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    throw new RequestError(body.error ?? `The server answered ${answer.status}.`, answer.status);
  }
  return answer;
}

export async function getJson(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return (await request(query ? `${path}?${query}` : path)).json();
}

export async function getBuffer(path) {
  return (await request(path)).arrayBuffer();
}

export async function getBlob(path) {
  const answer = await request(path);
  const disposition = answer.headers.get("Content-Disposition") ?? "";
  const plain = /filename="([^"]+)"/.exec(disposition)?.[1];
  const encoded = /filename\*=utf-8''([^;]+)/i.exec(disposition)?.[1];
  const name = plain ?? (encoded ? decodeURIComponent(encoded) : "export");
  return { blob: await answer.blob(), name };
}

export async function postJson(path, body) {
  const answer = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.json();
}
