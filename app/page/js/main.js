// Entry point: reads the address, fetches what the view needs, renders it.

import * as api from "./api.js";
import { ApiError } from "./api.js";
import { h, setChildren } from "./dom.js";
import * as i18n from "./i18n.js";
import { t } from "./i18n.js";
import * as oidc from "./oidc.js";
import { notice, errorText } from "./parts/notice.js";
import * as route from "./route.js";
import * as session from "./session.js";
import * as shell from "./shell.js";
import { corrections } from "./views/corrections.js";
import { jobcentre } from "./views/jobcentre.js";
import { person } from "./views/person.js";
import { region } from "./views/region.js";
import { signIn } from "./views/sign_in.js";
import { trialView } from "./views/trial.js";
import { trials } from "./views/trials.js";

const VIEWS = { region, jobcentre, person, trial: trialView, corrections };
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
let configured = { issuer: null };
let message = null;
let turn = 0;
let first = true;

async function start() {
  shell.install();
  await i18n.loadLanguage(i18n.preferred(route.read().query.get("lang")));
  shell.announce(t("shell.loading"));
  configured = await oidc.configuration().catch(() => configured);
  if (configured.issuer && oidc.isCallback()) {
    await oidc.finish(configured).catch((error) => {
      console.error(`Signing in failed: ${error.message}`);
      message = t("sign_in.failed");
    });
  }
  window.addEventListener("hashchange", show);
  window.addEventListener("signed-out", onSignedOut);
  await show();
}

/** Signs in with the token of a local start's link, which leaves the address at once. */
function followLink() {
  const token = route.read().query.get("token");
  if (token === null) return;
  route.updateQuery({ token: null });
  const isLocal = configured.link && LOOPBACK.test(location.hostname);
  if (!isLocal || !session.readable(token)) return;
  api.clearCache();
  session.signIn(token);
}

function onSignedOut() {
  session.signOut();
  api.clearCache();
  message = t("sign_in.ended");
  show();
}

function signOut() {
  session.signOut();
  api.clearCache();
  message = null;
  show();
}

/** Renders the view of the address. A newer call cancels an older one that still waits for its data. */
async function show() {
  followLink();
  const ownTurn = ++turn;
  const address = route.read();
  const language = address.query.get("lang");
  const isOther = language && language !== i18n.current() && i18n.preferred(language) === language;
  if (isOther) await i18n.loadLanguage(language);
  const frame = { trial: null, view: address.view, query: address.query, onSignOut: signOut, onReload: reload };
  shell.main.setAttribute("aria-busy", "true");
  shell.announce(t("shell.loading"));
  let content;
  try {
    content = await contentOf(address, frame);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return void onSignedOut();
    const again = h("button", { type: "button", onclick: reload }, t("error.again"));
    content = [shell.head(null, t("error.title")), notice(errorText(error), h("p", null, again))];
  }
  if (ownTurn !== turn) return;
  shell.draw(frame);
  setChildren(shell.main, content);
  shell.main.removeAttribute("aria-busy");
  rendered();
}

async function contentOf(address, frame) {
  if (!session.signedIn()) {
    const shown = signIn(configured, message, () => {
      message = null;
      show();
    });
    message = null;
    return shown;
  }
  if (address.trial === null) return trials();
  frame.trial = await api.get(api.trialPath(address.trial));
  const view = Object.hasOwn(VIEWS, address.view) ? address.view : opening(frame.trial);
  frame.view = view;
  const protocol = await api.get(`v1/protocols/${encodeURIComponent(frame.trial.protocol)}`);
  return VIEWS[view]({ trial: frame.trial, protocol, id: address.id, query: address.query });
}

/** The view that suits whoever is signed in. */
function opening(trial) {
  if (session.decidesCorrections()) return "corrections";
  if (trial.jobcentres.some(session.readsFiguresOf)) return "region";
  return trial.jobcentres.some((each) => session.readsPeopleOf(each.code)) ? "jobcentre" : "trial";
}

function reload() {
  api.clearCache();
  show();
}

/** Sets title and focus after a view was rendered, and announces it to screen readers. */
function rendered() {
  const heading = shell.main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · rettevej` : "rettevej";
  shell.announce(t("shell.shown", { title: heading?.textContent ?? "" }));
  if (!first) {
    scrollTo(0, 0);
    heading?.focus({ preventScroll: true });
  }
  first = false;
}

start().catch((error) => {
  console.error(error);
  setChildren(shell.main, h("p", null, "Siden kunne ikke hentes. The page could not be loaded."));
});
