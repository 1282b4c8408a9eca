// Login, and registration where the server takes it.

import { field, h } from "./dom.js";
import { errorText, words } from "./words.js";

/** @import { ChatClient } from "../client.js" */
/** @import { Session } from "../client/protocol.js" */

/** Which field an error belongs to. @type {Record<string, "user" | "password" | "name" | "invitation">} */
const CULPRIT = {
  no_such_user: "user", user_exists: "user", invalid_user_name: "user", wrong_password: "password", invalid_password: "password",
  invalid_full_name: "name", no_such_invitation: "invitation", invitation_required: "invitation",
};

/**
 * @param {ChatClient} client
 * @param {{ invitation: string, notice: string, done: (session: Session) => void }} options
 */
export function loginView(client, { invitation, notice, done }) {
  const root = h("main", { className: "login" });
  let user = "";

  /** @param {boolean} registering */
  const show = (registering) => {
    const fields = {
      user: field(words.userName, { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: false, required: true, maxLength: 64, value: user },
        registering ? words.userNameHint : ""),
      name: registering ? field(words.fullName, { name: "name", autocomplete: "name", required: true, maxLength: 256 }) : null,
      password: field(words.password, { name: "password", type: "password", autocomplete: registering ? "new-password" : "current-password", required: true }),
      invitation: registering && (client.server?.invitation || invitation)
        ? field(words.invitation, { name: "invitation", autocomplete: "off", autocapitalize: "none", spellcheck: false, required: true, value: invitation }) : null,
    };
    const problem = h("p", { className: "notice", role: "alert" }, registering ? "" : notice);
    const button = h("button", { type: "submit", className: "button primary wide" }, registering ? words.register : words.logIn);
    const form = h("form", { className: "card", noValidate: true, "aria-labelledby": "login-title" },
      h("img", { className: "logo", src: "icon.svg", alt: "", width: 48, height: 48 }),
      h("h1", { id: "login-title" }, registering ? words.welcomeNew : words.welcome),
      problem, fields.user.root, fields.name?.root, fields.password.root, fields.invitation?.root, button, h("p", { className: "other" }));

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-disabled")) return;
      problem.textContent = "";
      const empty = Object.values(fields).filter((it) => it && !it.input.value.trim());
      for (const it of empty) it?.complain(words.missing);
      if (empty[0]) return empty[0].input.focus();
      button.setAttribute("aria-disabled", "true"); // not `disabled`, which would lose the focus
      button.textContent = words.loggingIn;
      const account = { user: fields.user.input.value.trim(), password: fields.password.input.value };
      try {
        const session = registering
          ? await client.register({ ...account, name: fields.name?.input.value.trim() ?? "", ...(fields.invitation ? { invitation: fields.invitation.input.value.trim() } : {}) })
          : await client.login(account.user, account.password);
        done(session);
      } catch (error) {
        const culprit = fields[CULPRIT[/** @type {{ code?: string }} */ (error).code ?? ""] ?? "user"];
        if (culprit && CULPRIT[/** @type {{ code?: string }} */ (error).code ?? ""]) {
          culprit.complain(errorText(error));
          culprit.input.select();
          culprit.input.focus();
        } else problem.textContent = errorText(error);
      } finally {
        button.removeAttribute("aria-disabled");
        button.textContent = registering ? words.register : words.logIn;
      }
    });
    fields.user.input.addEventListener("input", () => (user = fields.user.input.value));
    root.replaceChildren(form);
    other(registering);
    // Not on phones, whose keyboard would cover the form; and only when it is in the document.
    if (!matchMedia("(pointer: coarse)").matches) queueMicrotask(() => (user ? fields.password : fields.user).input.focus());
  };

  /** The way to the other form, once it is known whether there is one. @param {boolean} registering */
  const other = (registering) => {
    const line = root.querySelector(".other");
    if (!line || !client.server) return;
    if (registering) line.replaceChildren(h("button", { type: "button", className: "link", onclick: () => show(false) }, words.toLogIn));
    else if (client.server.registration)
      line.replaceChildren(`${words.noAccount} `, h("button", { type: "button", className: "link", onclick: () => show(true) }, words.toRegister));
    else line.replaceChildren(`${words.noAccount} ${words.askOperator}`);
  };

  show(!!invitation);
  return {
    root,
    /** The server has told about itself. */
    ready: () => {
      const registering = !!root.querySelector("[name=name]");
      const wantsCode = registering && client.server?.invitation && !root.querySelector("[name=invitation]");
      if (wantsCode) show(true);
      else other(registering);
    },
  };
}
