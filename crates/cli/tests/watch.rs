//! `deepfix watch` on logs that grow while it looks.

mod support;

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use support::deepfix;

/// A run that is well at first and then loses itself; the writer goes on as a training job would.
#[test]
fn a_run_that_breaks_is_stopped_and_a_sound_one_is_followed_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, breaks, code, says) in [("breaks.csv", true, 1, "nan_loss"), ("sound.csv", false, 0, "")] {
        let path = folder.path().join(name);
        std::fs::write(&path, "epoch,step,train_loss,val_loss\n").expect("writes");
        let mut child = deepfix()
            .args(["watch", "--stop-on", "high", "--every", "50ms", "--idle", "2s"])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        for epoch in 0..12 {
            let loss = 1.0 / (1.0 + f64::from(epoch));
            if breaks && epoch > 6 {
                writeln!(file, "{epoch},{},nan,nan", epoch * 10).expect("writes");
            } else {
                writeln!(file, "{epoch},{},{loss},{}", epoch * 10, loss + 0.02).expect("writes");
            }
        }
        file.flush().expect("writes");
        let lines: Vec<String> = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok).collect();
        let status = child.wait().expect("ends");
        assert_eq!(status.code(), Some(code), "{name}: {lines:?}");
        assert!(lines.iter().any(|l| l.contains(says)) || says.is_empty(), "{name}: {lines:?}");
        assert!(breaks || !lines.iter().any(|l| l.starts_with("high") || l.starts_with("medium")), "{name}: {lines:?}");
    }
}
