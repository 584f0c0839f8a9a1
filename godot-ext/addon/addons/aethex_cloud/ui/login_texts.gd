## What the login dialog says: a key for your translations, and the English it has without one.
##
## A translation of the project that knows a key wins: see the guide "Log players in".
extends RefCounted

const ENGLISH := {
	"AETHEX_WELCOME_TITLE": "Welcome",
	"AETHEX_WELCOME_HINT": "Play at once; make an account whenever you like.",
	"AETHEX_WELCOME_GO": "Play now",
	"AETHEX_LOGIN_TITLE": "Log in",
	"AETHEX_LOGIN_HINT": "Your progress follows you to every device.",
	"AETHEX_LOGIN_GUEST_HINT": "What you did on this device moves into your account.",
	"AETHEX_LOGIN_GO": "Log in",
	"AETHEX_REGISTER_TITLE": "Make an account",
	"AETHEX_REGISTER_HINT": "Your progress follows you to every device.",
	"AETHEX_REGISTER_GO": "Make an account",
	"AETHEX_LINK_TITLE": "Keep your progress",
	"AETHEX_LINK_HINT": "With an email you can go on from any device. Nothing is lost.",
	"AETHEX_LINK_GO": "Keep my progress",
	"AETHEX_FORGOT_TITLE": "Forgot your password?",
	"AETHEX_FORGOT_HINT": "We send a code to your email.",
	"AETHEX_FORGOT_GO": "Send the code",
	"AETHEX_RESET_TITLE": "A new password",
	"AETHEX_RESET_HINT": "If the address has an account, a mail with a code is on its way.",
	"AETHEX_RESET_GO": "Set the password",
	"AETHEX_VERIFY_TITLE": "Look into your mail",
	"AETHEX_VERIFY_HINT": "We sent you a code. Type it here, or follow the link in the mail and log in.",
	"AETHEX_VERIFY_GO": "Confirm",
	"AETHEX_BROWSER_TITLE": "Go on in your browser",
	"AETHEX_BROWSER_HINT": "Log in there, then come back. This closes by itself.",
	"AETHEX_BROWSER_GO": "Cancel",
	"AETHEX_MOVE_TITLE": "Your progress moves",
	"AETHEX_MOVE_HINT": "You are logged in. What you did as a guest has not moved yet.",
	"AETHEX_MOVE_GO": "Try again",
	"AETHEX_MERGE_TITLE": "Saves on both sides",
	"AETHEX_MERGE_HINT": "Your account and this device have saves of the same name. Nothing is lost: with which do you go on?",
	"AETHEX_MERGE_SLOT": "{slot}\n    account: {mine}\n    this device: {other}",
	"AETHEX_MERGE_TIME": "{minutes} min played, {time}",
	"AETHEX_MERGE_MINE": "My account's saves",
	"AETHEX_MERGE_GUEST": "This device's saves",
	"AETHEX_MERGE_BOTH": "Both, side by side",
	"AETHEX_EMAIL": "Email",
	"AETHEX_PASSWORD": "Password",
	"AETHEX_NEW_PASSWORD": "Password, 8 characters or more",
	"AETHEX_USERNAME": "Name others see (may be left empty)",
	"AETHEX_CODE": "Code of the mail, ABCD-EFGH-…",
	"AETHEX_REMEMBER": "Stay logged in",
	"AETHEX_SHOW": "Show",
	"AETHEX_HIDE": "Hide",
	"AETHEX_OR": "or",
	"AETHEX_WITH": "Continue with {provider}",
	"AETHEX_TO_REGISTER": "New here? Make an account",
	"AETHEX_TO_LOGIN": "I have an account",
	"AETHEX_TO_FORGOT": "Forgot your password?",
	"AETHEX_TO_CODE": "I have a code",
	"AETHEX_TO_GUEST": "Play now, without an account",
	"AETHEX_TO_BACK": "Back",
	"AETHEX_TO_LEAVE": "Leave it; go on with the account",
	"AETHEX_TO_CLOSE": "Not now",
	"AETHEX_ERROR_INVALID_CREDENTIALS": "This email and password do not belong together.",
	"AETHEX_ERROR_EMAIL_TAKEN": "This email has an account already: log in to it.",
	"AETHEX_ERROR_IDENTITY_TAKEN_EMAIL": "This email has an account already: log in to it, and your progress moves there.",
	"AETHEX_ERROR_USERNAME_TAKEN": "This name is taken: choose another.",
	"AETHEX_ERROR_WEAK_PASSWORD": "Choose another password: 8 characters or more, and not one of the common ones.",
	"AETHEX_ERROR_INVALID_EMAIL": "This is not an email address.",
	"AETHEX_ERROR_INVALID_USERNAME": "A name has 3 to 32 letters, digits, dots, hyphens and underscores.",
	"AETHEX_ERROR_INVALID_CODE": "This code is wrong or too old: ask for a new one.",
	"AETHEX_ERROR_ACCOUNT_EXISTS": "Your email has an account here: log in to it, then link this one.",
	"AETHEX_ERROR_IDENTITY_TAKEN": "It belongs to another account: log in with it, and your progress moves there.",
	"AETHEX_ERROR_OAUTH_REFUSED": "The login there did not succeed: try again.",
	"AETHEX_ERROR_PROVIDER_UNAVAILABLE": "The login there cannot be reached now: try again later.",
	"AETHEX_ERROR_BROWSER": "No browser opened, or it did not come back: try again.",
	"AETHEX_ERROR_RATE_LIMITED": "Too many tries: wait a little.",
	"AETHEX_ERROR_OFFLINE": "The server cannot be reached. You can play; log in later.",
	"AETHEX_ERROR_TIMEOUT": "The server did not answer in time: try again.",
	"AETHEX_ERROR_OTHER": "This did not work: try again later.",
	"AETHEX_ERROR_MISSING": "Online accounts are not available on this platform.",
}
## Names of providers, which are the same in every language.
const PROVIDERS := {"google": "Google", "github": "GitHub", "discord": "Discord", "oidc": "SSO"}


## The project's words for a key, or the English ones.
static func say(key: String) -> String:
	var said := TranslationServer.translate(key)
	return ENGLISH.get(key, key) if said == key else String(said)


## The words for an error of AeThexCloud, by its name.
static func problem(name: String) -> String:
	var key := "AETHEX_ERROR_" + name.to_upper()
	return say(key if ENGLISH.has(key) else "AETHEX_ERROR_OTHER")
