// The page behind the links of mails: verify an address, set a password, answer for a child.
// The code stands behind the #, which browsers keep to themselves.
"use strict";

const TEXTS = {
  en: {
    verify: ["Confirm your email", "Press the button to confirm that this address is yours.", "Confirm"],
    reset: ["Set a new password", "Every device will be logged out.", "Set password"],
    parent: ["Your child's account", "A child wants to play with an account. You can allow it, and say what else is allowed.", "Allow"],
    refuse: "Refuse", password: "New password (8 characters or more)",
    analytics: "Usage statistics", voice: "Voice chat", third_party: "Login with other services",
    done: "Done. You can go back to the game.", refused: "Noted: the account may not be used.",
    gone: "This link is wrong, used or expired. Ask for a new mail in the game.",
    weak: "Choose a longer or less common password.", failed: "That did not work. Try again in a moment.",
  },
  de: {
    verify: ["E-Mail bestätigen", "Bestätige mit dem Knopf, dass diese Adresse dir gehört.", "Bestätigen"],
    reset: ["Neues Passwort", "Alle Geräte werden abgemeldet.", "Passwort setzen"],
    parent: ["Das Konto deines Kindes", "Ein Kind möchte mit einem Konto spielen. Du kannst es erlauben und bestimmen, was noch erlaubt ist.", "Erlauben"],
    refuse: "Ablehnen", password: "Neues Passwort (mindestens 8 Zeichen)",
    analytics: "Nutzungsstatistik", voice: "Sprachchat", third_party: "Anmeldung mit anderen Diensten",
    done: "Fertig. Du kannst zum Spiel zurückkehren.", refused: "Vermerkt: Das Konto darf nicht benutzt werden.",
    gone: "Dieser Link ist falsch, benutzt oder abgelaufen. Fordere im Spiel eine neue Mail an.",
    weak: "Wähle ein längeres oder weniger übliches Passwort.", failed: "Das hat nicht geklappt. Versuche es gleich noch einmal.",
  },
  fr: {
    verify: ["Confirmer l'adresse", "Appuyez sur le bouton pour confirmer que cette adresse est la vôtre.", "Confirmer"],
    reset: ["Nouveau mot de passe", "Tous les appareils seront déconnectés.", "Enregistrer"],
    parent: ["Le compte de votre enfant", "Un enfant souhaite jouer avec un compte. Vous pouvez l'autoriser et choisir ce qui est permis.", "Autoriser"],
    refuse: "Refuser", password: "Nouveau mot de passe (8 caractères ou plus)",
    analytics: "Statistiques d'utilisation", voice: "Chat vocal", third_party: "Connexion avec d'autres services",
    done: "C'est fait. Vous pouvez retourner au jeu.", refused: "C'est noté : le compte ne peut pas être utilisé.",
    gone: "Ce lien est incorrect, déjà utilisé ou expiré. Demandez un nouvel e-mail dans le jeu.",
    weak: "Choisissez un mot de passe plus long ou moins courant.", failed: "Cela n'a pas fonctionné. Réessayez dans un instant.",
  },
  es: {
    verify: ["Confirma tu correo", "Pulsa el botón para confirmar que esta dirección es tuya.", "Confirmar"],
    reset: ["Nueva contraseña", "Se cerrará la sesión en todos los dispositivos.", "Guardar"],
    parent: ["La cuenta de tu hijo", "Un menor quiere jugar con una cuenta. Puedes permitirlo y decidir qué más se permite.", "Permitir"],
    refuse: "Rechazar", password: "Nueva contraseña (8 caracteres o más)",
    analytics: "Estadísticas de uso", voice: "Chat de voz", third_party: "Inicio de sesión con otros servicios",
    done: "Listo. Puedes volver al juego.", refused: "Anotado: la cuenta no se puede usar.",
    gone: "Este enlace es incorrecto, ya se usó o caducó. Pide otro correo en el juego.",
    weak: "Elige una contraseña más larga o menos común.", failed: "No ha funcionado. Inténtalo de nuevo en un momento.",
  },
  pt: {
    verify: ["Confirme seu e-mail", "Aperte o botão para confirmar que este endereço é seu.", "Confirmar"],
    reset: ["Nova senha", "Todos os aparelhos serão desconectados.", "Salvar"],
    parent: ["A conta do seu filho", "Uma criança quer jogar com uma conta. Você pode permitir e escolher o que mais é permitido.", "Permitir"],
    refuse: "Recusar", password: "Nova senha (8 caracteres ou mais)",
    analytics: "Estatísticas de uso", voice: "Chat de voz", third_party: "Login com outros serviços",
    done: "Pronto. Você pode voltar ao jogo.", refused: "Anotado: a conta não pode ser usada.",
    gone: "Este link está errado, já foi usado ou expirou. Peça outro e-mail no jogo.",
    weak: "Escolha uma senha mais longa ou menos comum.", failed: "Não funcionou. Tente de novo em instantes.",
  },
  ja: {
    verify: ["メールアドレスの確認", "ボタンを押して、このアドレスがご本人のものであることを確認してください。", "確認する"],
    reset: ["新しいパスワード", "すべての端末からログアウトされます。", "設定する"],
    parent: ["お子様のアカウント", "お子様がアカウントで遊ぼうとしています。許可するかどうか、ほかに何を許可するかを選べます。", "許可する"],
    refuse: "許可しない", password: "新しいパスワード（8文字以上）",
    analytics: "利用統計", voice: "ボイスチャット", third_party: "ほかのサービスでのログイン",
    done: "完了しました。ゲームに戻ってください。", refused: "記録しました。このアカウントは使えません。",
    gone: "このリンクは誤り、使用済み、または期限切れです。ゲームからもう一度メールを送ってください。",
    weak: "もっと長い、または推測されにくいパスワードを選んでください。", failed: "うまくいきませんでした。しばらくしてからお試しください。",
  },
};

const byId = (id) => document.getElementById(id);
const page = location.pathname.split("/").pop();
const given = new URLSearchParams(location.hash.slice(1));
const language = (navigator.languages || [navigator.language])
  .map((tag) => tag.toLowerCase().split("-")[0])
  .find((tag) => TEXTS[tag]) || "en";
const texts = TEXTS[language];

const CALLS = {
  verify: () => ["/api/v1/auth/email/verify", {}],
  reset: () => ["/api/v1/auth/password/reset", { new_password: byId("password").value }],
  parent: (granted) => ["/api/v1/privacy/parent/answer", {
    granted,
    purposes: granted ? [...document.querySelectorAll("[name=purpose]:checked")].map((box) => box.value) : [],
  }],
};

async function send(granted) {
  const [path, body] = CALLS[page](granted);
  const headers = { "content-type": "application/json" };
  if (given.get("key")) headers["x-aethex-key"] = given.get("key");
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  let text = texts.failed;
  let over = false;
  try {
    const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify({ code: given.get("code"), ...body }) });
    const code = reply.ok ? "" : (await reply.json()).code;
    over = reply.ok || code === "invalid_code";
    text = reply.ok ? (granted ? texts.done : texts.refused)
      : code === "invalid_code" ? texts.gone
        : code === "weak_password" ? texts.weak : texts.failed;
  } catch { /* The network: the text says to try again. */ }
  byId("text").textContent = text;
  byId("form").hidden = over;
  buttons.forEach((button) => { button.disabled = false; });
}

function show() {
  document.documentElement.lang = language;
  const [title, text, go] = texts[page];
  document.title = title;
  byId("title").textContent = title;
  byId("text").textContent = given.get("code") ? text : texts.gone;
  byId("form").hidden = !given.get("code");
  byId("go").textContent = go;
  byId("refuse").textContent = texts.refuse;
  byId("password-label").textContent = texts.password;
  for (const purpose of ["analytics", "voice", "third_party"]) byId(`purpose-${purpose}`).textContent = texts[purpose];
  byId("password-row").hidden = page !== "reset";
  byId("password").required = page === "reset";
  byId("purposes").hidden = page !== "parent";
  byId("refuse").hidden = page !== "parent";
  byId("form").addEventListener("submit", (event) => { event.preventDefault(); send(true); });
  byId("refuse").addEventListener("click", () => send(false));
}

show();
