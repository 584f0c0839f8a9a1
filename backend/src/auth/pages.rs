//! The small web pages that links in mails open: `/account/verify`, `/account/reset`, `/account/parent`.
//!
//! A page does nothing when it is opened, for mail scanners open links; the person presses a button. The code
//! stands behind the `#` of the address, so it is in no server's log and in no `Referer`.

use crate::app::App;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use http::header;
use std::sync::Arc;

/// Pages of links; each is the same document, which looks at its own address.
const PAGES: &[&str] = &["/account/verify", "/account/reset", "/account/parent"];
/// What the page may load: its own files, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn mount_routes(router: Router<Arc<App>>) -> Router<Arc<App>> {
    let file =
        |kind: &'static str, text: &'static str| routing::get(move || async move { serve(kind, text) });
    let page = |router: Router<Arc<App>>, path: &&'static str| {
        router.route(path, file("text/html; charset=utf-8", include_str!("../../pages/account.html")))
    };
    PAGES
        .iter()
        .fold(router, page)
        .route(
            "/account/page.js",
            file("text/javascript; charset=utf-8", include_str!("../../pages/account.js")),
        )
        .route("/account/page.css", file("text/css; charset=utf-8", include_str!("../../pages/account.css")))
}

fn serve(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)], text).into_response()
}
