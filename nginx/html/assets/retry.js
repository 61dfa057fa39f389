// The page of an error tries again, ever more rarely: a server that starts needs no crowd.

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
    // Not reached: not there yet.
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
  // Not all at the same moment.
  const seconds = wait * (0.75 + 0.5 * Math.random());
  wait = Math.min(wait * 2, LONGEST_SECONDS);
  const words = `Trying again in ${Math.max(1, Math.round(seconds))} seconds.`;
  document.getElementById("next").textContent = words;
  setTimeout(attempt, seconds * 1000);
}

plan();
