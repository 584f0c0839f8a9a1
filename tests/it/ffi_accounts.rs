//! Every call of the C library about accounts and privacy, against the real backend, under sanitizers.

use crate::ffi::{build, profile_folder, run, text};
use crate::mailbox::{code_in, mails_to};
use crate::privacy::publish;
use crate::profile::picture;
use aethex_tests::process::bounded;
use aethex_tests::{Engine, app};
use image::ImageFormat;
use std::path::{Path, PathBuf};

/// The program's player.
const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "correct horse";

#[derive(Clone)]
struct Program {
    file: PathBuf,
    url: String,
    data: PathBuf,
}

impl Program {
    async fn run(&self, args: &[&Path]) {
        let mut program = bounded(&self.file);
        program.arg(&self.url).arg(&self.data).args(args).env("LD_LIBRARY_PATH", profile_folder());
        let said = run(move || text(program.output().unwrap())).await;
        assert_eq!(said, "0 failures\n");
    }
}

#[test]
fn every_call_of_accounts_and_privacy_works_from_c() {
    app::run(
        Engine::Sqlite,
        |_| {},
        async |app| {
            let folder = app.folder("accounts");
            let (png, archive) = (folder.join("avatar.png"), folder.join("export.zip"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&png, picture(ImageFormat::Png, [200, 30, 30])).unwrap();
            let program = Program {
                file: folder.join("program"),
                url: app.url().to_owned(),
                data: folder.join("data"),
            };
            build("ffi/tests/accounts.c", &program.file);
            publish(app, "terms", "2026-01", true).await.unwrap();

            program.run(&["begin".as_ref()]).await;
            let code = code_in(&mails_to(app, EMAIL, 1).await[0]);
            program.run(&["verify".as_ref(), code.as_ref()]).await;
            app.login(EMAIL, PASSWORD).send().await.expect(200); // another session, which the program ends
            program.run(&["rest".as_ref(), &png, &archive]).await;

            let zip = std::fs::read(&archive).unwrap();
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
            assert!(zip.by_name("manifest.json").is_ok());
            app.login(EMAIL, "battery staple").send().await.expect(200);
        },
    );
}
