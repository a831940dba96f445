// The page: reads the address, fetches what the view needs, shows it.

import * as api from "./api.js";
import { ApiError } from "./api.js";
import { h, put } from "./dom.js";
import * as i18n from "./i18n.js";
import { t } from "./i18n.js";
import * as oidc from "./oidc.js";
import { notice, sentenceOf } from "./parts/notice.js";
import * as route from "./route.js";
import * as session from "./session.js";
import * as shell from "./shell.js";
import { jobcentre } from "./views/jobcentre.js";
import { person } from "./views/person.js";
import { region } from "./views/region.js";
import { signIn } from "./views/sign_in.js";
import { trialView } from "./views/trial.js";
import { trials } from "./views/trials.js";

const VIEWS = { region, jobcentre, person, trial: trialView };
let configured = { issuer: null };
let message = null;
let turn = 0;
let first = true;

async function start() {
  shell.install();
  await i18n.use(i18n.preferred(route.read().query.get("lang")));
  shell.say(t("shell.loading"));
  configured = await oidc.configuration().catch(() => configured);
  if (configured.issuer && oidc.returning()) {
    await oidc.finish(configured).catch((error) => {
      console.error(`Signing in failed: ${error.message}`);
      message = t("sign_in.failed");
    });
  }
  window.addEventListener("hashchange", show);
  window.addEventListener("signed-out", ended);
  await show();
}

function ended() {
  session.signOut();
  api.forget();
  message = t("sign_in.ended");
  show();
}

function leave() {
  session.signOut();
  api.forget();
  message = null;
  show();
}

/** Shows what the address says. What was asked for before and arrives later is dropped. */
async function show() {
  const mine = ++turn;
  const asked = route.read();
  const language = asked.query.get("lang");
  if (language && language !== i18n.current() && i18n.preferred(language) === language) await i18n.use(language);
  const frame = { trial: null, view: asked.view, query: asked.query, onSignOut: leave, onAnew: anew };
  shell.main.setAttribute("aria-busy", "true");
  shell.say(t("shell.loading"));
  let content;
  try {
    content = await contentOf(asked, frame);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return void ended();
    const again = h("button", { type: "button", onclick: anew }, t("error.again"));
    content = [shell.head(null, t("error.title")), notice(sentenceOf(error), h("p", null, again))];
  }
  if (mine !== turn) return;
  shell.draw(frame);
  put(shell.main, content);
  shell.main.removeAttribute("aria-busy");
  settled();
}

async function contentOf(asked, frame) {
  if (!session.signedIn()) {
    const shown = signIn(configured, message, () => {
      message = null;
      show();
    });
    message = null;
    return shown;
  }
  if (asked.trial === null) return trials();
  frame.trial = await api.get(api.inTrial(asked.trial));
  const view = VIEWS[asked.view] ? asked.view : opening(frame.trial);
  frame.view = view;
  const protocol = await api.get(`v1/protocols/${encodeURIComponent(frame.trial.protocol)}`);
  return VIEWS[view]({ trial: frame.trial, protocol, id: asked.id, query: asked.query });
}

/** The view that suits whoever is signed in. */
function opening(trial) {
  if (trial.jobcentres.some(session.readsFiguresOf)) return "region";
  return trial.jobcentres.some((each) => session.readsPeopleOf(each.code)) ? "jobcentre" : "trial";
}

function anew() {
  api.forget();
  show();
}

/** Title, focus and announcement of a view that is there. */
function settled() {
  const heading = shell.main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · rettevej` : "rettevej";
  shell.say(t("shell.shown", { title: heading?.textContent ?? "" }));
  if (!first) {
    scrollTo(0, 0);
    heading?.focus({ preventScroll: true });
  }
  first = false;
}

start().catch((error) => {
  console.error(error);
  put(shell.main, h("p", null, "Siden kunne ikke hentes. The page could not be loaded."));
});
