// The pages that mailed links lead to. The token leaves the address bar at once, so that it is neither
// in the history nor seen over a shoulder, and goes nowhere but into the call.
"use strict";

const KINDS = {
  verify: {
    path: "/api/v1/auth/verify-email",
    body: (token) => ({ token }),
    done: "Your address is confirmed. You can close this page.",
  },
  reset: {
    path: "/api/v1/auth/reset-password",
    body: (token, form) => ({ token, new_password: form.get("password") }),
    done: "The password is set. Sign in with it now.",
  },
  invite: {
    path: "/api/v1/auth/register",
    body: (token, form) => ({ email: form.get("email"), password: form.get("password"), invite_token: token }),
    done: "Welcome: you are a member now. Sign in with your address and password.",
  },
};

const form = document.getElementById("form");
const message = document.getElementById("message");
const button = form.querySelector("button");
const show = document.getElementById("show");
const kind = KINDS[form.dataset.kind];
const token = new URLSearchParams(location.search).get("token");
history.replaceState(null, "", location.pathname);

function say(text, bad) {
  message.textContent = text;
  message.className = bad ? "bad" : "";
  message.focus();
}

function why(status, answer) {
  if (status === 429) {
    return "Too many attempts. Wait a minute and try again.";
  }
  const text = typeof answer.detail === "string" ? answer.detail : "";
  return text ? `That did not work: ${text}.` : `That did not work (status ${status}). Try again later.`;
}

async function send(event) {
  event.preventDefault();
  button.disabled = true;
  try {
    const response = await fetch(kind.path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(kind.body(token, new FormData(form))),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) {
      form.hidden = true;
      say(kind.done, false);
      return;
    }
    say(why(response.status, answer), true);
  } catch {
    say("The server cannot be reached. Try again later.", true);
  }
  button.disabled = false;
}

if (show) {
  show.addEventListener("change", () => {
    document.getElementById("password").type = show.checked ? "text" : "password";
  });
}
if (token) {
  form.addEventListener("submit", send);
} else {
  form.hidden = true;
  say("This address is incomplete: open the link of the mail as a whole.", true);
}
