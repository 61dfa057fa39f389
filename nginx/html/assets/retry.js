// The error page tries again at growing intervals: do not overload a server that is starting.

const FIRST_SECONDS = 3;
const LONGEST_SECONDS = 60;

let wait = FIRST_SECONDS;

async function answers() {
  try {
    const response = await fetch("/health", {
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
    return response.ok;
  } catch {
    // Unreachable: not started yet.
    return false;
  }
}

async function attempt() {
  if (await answers()) {
    location.reload();
    return;
  }
  plan();
}

function plan() {
  // Spread out, so that not all pages try at once.
  const seconds = wait * (0.75 + 0.5 * Math.random());
  wait = Math.min(wait * 2, LONGEST_SECONDS);
  const words = `Trying again in ${Math.max(1, Math.round(seconds))} seconds.`;
  document.getElementById("next").textContent = words;
  setTimeout(attempt, seconds * 1000);
}

plan();
