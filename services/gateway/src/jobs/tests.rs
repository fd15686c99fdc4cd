//! Jobs over several gateways that share a store.

use deepfix_settings::Period;
use serde_json::json;

use super::*;

fn config() -> JobsConfig {
    let period = |ms| Period(Duration::from_millis(ms));
    JobsConfig { heartbeat: period(20), lost_after: period(400), ttl: period(0) }
}

fn outcome(job: &Job) -> Result<Value, String> {
    job.end.clone().expect("ended").outcome
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn any_gateway_answers_for_a_job_and_the_first_end_counts() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (a, b) = (Jobs::new(config(), Some(store.clone())), Jobs::new(config(), Some(store)));
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let work = async move {
        receiver.await.expect("told");
        Ok(json!({ "n": 1 }))
    };
    let job = a.submit("", None, work).await.expect("taken");
    // Longer than the silence that would make it lost: it beats.
    let seen = b.wait(&job.id, Duration::from_millis(900)).await.expect("answers").expect("known");
    assert!(seen.end.is_none());
    sender.send(()).expect("listens");
    let seen = b.wait(&job.id, LONG).await.expect("answers").expect("known");
    assert_eq!(outcome(&seen), Ok(json!({ "n": 1 })));
    let cancelled = b.cancel("", &job.id).await.expect("answers").expect("known");
    assert_eq!(outcome(&cancelled), Ok(json!({ "n": 1 })), "what has ended stays as it ended");
    for id in ["job_20260101000000_ffffffff", "../secret", "job_1_2", ""] {
        assert!(b.job(id).await.expect("answers").is_none(), "{id}");
    }
    let (listed, more) = b.list("", 10, None).await.expect("answers");
    assert!(listed.len() == 1 && !more && listed[0].id == job.id);
    assert!(b.list("", 10, Some(&job.id)).await.expect("answers").0.is_empty());
    // Another owner's job is nobody's business.
    assert!(b.list("another", 10, None).await.expect("answers").0.is_empty());
    assert!(b.cancel("another", &job.id).await.expect("answers").is_none());
    b.remove_old().await.expect("answers");
    assert!(a.job(&job.id).await.expect("answers").is_none(), "past its time");
}

#[tokio::test]
async fn a_job_is_cancelled_from_anywhere_and_its_work_stops() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let (a, b) = (Jobs::new(config(), Some(store.clone())), Jobs::new(config(), Some(store)));
    for by in [&a, &b] {
        let (alive, mut dropped) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            let _alive = alive;
            std::future::pending::<()>().await;
            Ok(Value::Null)
        };
        let job = a.submit("", None, work).await.expect("taken");
        let seen = by.cancel("", &job.id).await.expect("answers").expect("known");
        assert_eq!(outcome(&seen), Err(CANCELLED.to_owned()));
        assert!(tokio::time::timeout(LONG, &mut dropped).await.expect("the work is dropped").is_err());
    }
    a.under_way().close();
    tokio::time::timeout(LONG, a.under_way().wait()).await.expect("nothing runs on");
}

#[tokio::test]
async fn a_job_whose_gateway_died_fails_and_can_be_submitted_again() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let b = Jobs::new(config(), Some(store.clone()));
    // The runtime of a gateway that dies takes its tasks with it.
    let died = std::thread::spawn({
        let store = store.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let a = Jobs::new(config(), Some(store));
            let job = runtime.block_on(a.submit("", Some(("k", "body")), std::future::pending())).expect("taken");
            drop(runtime);
            job.id
        }
    })
    .join()
    .expect("ends");
    let same = b.submit("", Some(("k", "body")), async { Ok(json!(1)) }).await.expect("answers");
    assert_eq!(same.id, died, "it runs, for all anyone knows");
    let lost = b.wait(&died, LONG).await.expect("answers").expect("known");
    assert!(outcome(&lost).is_err_and(|why| why.contains("submit it again")), "{lost:?}");
    let again = b.submit("", Some(("k", "body")), async { Ok(json!(2)) }).await.expect("taken");
    assert_ne!(again.id, died);
    let same = b.submit("", Some(("k", "body")), async { Ok(json!(3)) }).await.expect("answers");
    let done = b.wait(&same.id, LONG).await.expect("answers").expect("known");
    assert_eq!((same.id, outcome(&done)), (again.id, Ok(json!(2))));
    let error = b.submit("", Some(("k", "other")), async { Ok(json!(4)) }).await.expect_err("another body");
    assert!(error.message.contains("another request"), "{error}");
}

#[tokio::test]
async fn of_many_submissions_with_one_key_one_runs() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let gateways: Vec<Jobs> = (0..8).map(|_| Jobs::new(config(), Some(store.clone()))).collect();
    let jobs = gateways.iter().map(|jobs| jobs.submit("", Some(("k", "body")), async { Ok(Value::Null) }));
    let mut ids: Vec<String> = futures::future::try_join_all(jobs).await.expect("taken").into_iter().map(|job| job.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn a_panic_is_an_end() {
    let jobs = Jobs::new(config(), None);
    let work = async { panic!("a defect") };
    let job = jobs.submit("", None, work).await.expect("taken");
    let seen = jobs.wait(&job.id, LONG).await.expect("answers").expect("known");
    assert_eq!(outcome(&seen), Err("the analysis ended abnormally".to_owned()));
}

#[tokio::test]
async fn whatever_a_dead_gateway_left_half_written_a_job_ends() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let jobs = Jobs::new(config(), Some(store.clone()));
    let id = "job_20260101000000_0123abcd";
    let accepted = serde_json::to_vec(&Accepted { created: stamp(true), owner: String::new() }).expect("JSON");
    let put = |path: Path, bytes: Vec<u8>| {
        let store = store.clone();
        async move { store.put(&path, bytes.into()).await.expect("written") }
    };
    // Accepted, and dead before its key was claimed or its work begun: it fails by name once it is silent for long.
    put(key(id, "accepted"), accepted).await;
    let lost = jobs.wait(id, LONG).await.expect("answers").expect("known");
    assert!(outcome(&lost).is_err_and(|why| why.contains("submit it again")), "{lost:?}");
    // A key claimed for a job of which nothing else was written: the next submission takes it.
    let keyed = Keyed { id: "job_20260101000000_ffffffff".to_owned(), body: "body".to_owned() };
    put(Path::from_iter(["jobs-by-key", "k", "0"]), serde_json::to_vec(&keyed).expect("JSON")).await;
    let job = jobs.submit("", Some(("k", "body")), async { Ok(json!(5)) }).await.expect("taken");
    let done = jobs.wait(&job.id, LONG).await.expect("answers").expect("known");
    assert_eq!(outcome(&done), Ok(json!(5)));
}
