//! A player's saves as an archive, by the real binary, beside the running server.

use super::{below, bytes_of, change, put_bytes_on};
use crate::studio::run;
use aethex_tests::on_both_engines;
use aethex_tests::player::noise;
use aethex_wire::saves::SaveVersion;
use aethex_wire::saves::archive::{MANIFEST_NAME, Manifest, content_name};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

fn manifest(file: &Path) -> (Manifest, zip::ZipArchive<File>) {
    let mut archive = zip::ZipArchive::new(File::open(file).unwrap()).unwrap();
    let mut json = Vec::new();
    archive.by_name(MANIFEST_NAME).unwrap().read_to_end(&mut json).unwrap();
    (Manifest::from_json(&json).unwrap(), archive)
}

on_both_engines! {
    async fn what_one_player_exports_another_can_have(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        let part = json!([{ "name": "picture", "data_base64": "aGVsbG8=" }]);
        let first: SaveVersion =
            ann.put(json!({ "slot": "s", "data": { "gold": 1 }, "label": "one", "parts": part })).send().await.expect(201).json();
        ann.put(json!({ "slot": "s", "data": { "gold": 2 } })).send().await.expect(201);
        let side = put_bytes_on(&ann, "s", Some(&first), &noise(3, 70_000)).await;
        let large = ann.put_bytes("large", &noise(1, 100_000)).await;
        let larger = ann.put_bytes("large", &[noise(1, 100_000), b"more".to_vec()].concat()).await;
        change(&ann, &large, json!({ "pinned": true })).await.expect(200);
        let folder = app.folder("archives");
        let file = folder.join("ann.zip");
        let out = file.to_str().unwrap();
        let export = ["saves", "export", "--game", "default", "--player", ann.id(), "--out", out];
        let done = run(app, &export, "").unwrap();
        assert_eq!((done["versions"].as_u64(), done["contents"].as_u64()), (Some(5), Some(6)));
        assert!(run(app, &export, "").is_err(), "a file is never replaced");
        let (told, mut archive) = manifest(&file);
        let ids: BTreeSet<_> = told.versions.iter().map(|archived| archived.version.version.clone()).collect();
        assert!([&first, &side, &large, &larger].iter().all(|version| ids.contains(&version.version)));
        for hash in told.contents() {
            let mut bytes = Vec::new();
            archive.by_name(&content_name(hash)).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash);
        }
        // Bob has a save in one of the slots: it stays.
        let bobs = bob.put_save("s", "bob's own").await;
        let import = ["saves", "import", "--game", "default", "--player", bob.id(), out];
        let done = run(app, &import, "").unwrap();
        assert_eq!((done["heads"].as_u64(), done["beside"].as_u64()), (Some(2), Some(3)));
        assert_eq!(bob.get_save("s").await["data"], "bob's own");
        assert_eq!(bob.history("s").await.len(), 4);
        assert_eq!(bob.head("s").await.version, bobs.version);
        let line = bob.history("large").await;
        assert_eq!((line[0].sequence, line[1].sequence, line[1].pinned), (Some(2), Some(1), true));
        assert_eq!(bytes_of(&bob, &line[0]).await, bytes_of(&ann, &larger).await);
        let one = bob.history("s").await.into_iter().find(|version| version.label == "one").unwrap();
        assert_eq!((&one.hash, &one.parts), (&first.hash, &first.parts));
        let path = below(&bob, "s", &format!("parts/picture?version={}", one.version));
        assert_eq!(bob.get(&path).send().await.expect(200).body, &b"hello"[..]);
        // Again adds nothing.
        let done = run(app, &import, "").unwrap();
        assert_eq!((done["heads"].as_u64(), done["beside"].as_u64()), (Some(2), Some(3)));
        assert_eq!((bob.history("s").await.len(), bob.history("large").await.len()), (4, 2));
        let log = run(app, &["audit"], "").unwrap();
        let actions: Vec<_> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert!(actions.contains(&"player.saves.export") && actions.contains(&"player.saves.import"), "{actions:?}");
    }

    async fn heads_alone_and_damaged_archives(app) {
        let ann = app.as_player("ann").await;
        let bob = app.as_player("bob").await;
        ann.put_save("s", "old").await;
        ann.put_save("s", "new").await;
        let folder = app.folder("archives");
        let file = folder.join("heads.zip");
        let out = file.to_str().unwrap();
        run(app, &["saves", "export", "--game", "default", "--player", "ann@example.com", "--heads", "--out", out], "").unwrap();
        assert_eq!(manifest(&file).0.versions.len(), 1);
        let bytes = std::fs::read(&file).unwrap();
        let cut = folder.join("cut.zip");
        std::fs::write(&cut, &bytes[..bytes.len() - 30]).unwrap();
        let text = folder.join("text.zip");
        std::fs::write(&text, "no archive").unwrap();
        for wrong in [&cut, &text, &folder.join("none.zip")] {
            let import = ["saves", "import", "--game", "default", "--player", bob.id(), wrong.to_str().unwrap()];
            assert!(run(app, &import, "").is_err());
        }
        let nobody = ["saves", "import", "--game", "default", "--player", "nobody@example.com", out];
        assert!(run(app, &nobody, "").unwrap_err().contains("no player"));
        run(app, &["saves", "import", "--game", "default", "--player", bob.id(), out], "").unwrap();
        assert_eq!(bob.get_save("s").await["data"], "new");
    }
}
