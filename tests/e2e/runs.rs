//! Whole runs: the seed's four command forms, on an account over real HTTP.

use test_support::ProxyPlan;

use crate::workbench::Workbench;

#[test]
fn deployed_it_is_all_there_deployed_again_nothing_changes_cleaned_up_it_is_all_gone() {
    let bench = Workbench::new();
    let empty = bench.inventory();
    bench.deploy().expect(0);
    assert!(bench.path(".deployment_state.report.json").exists());
    assert!(bench.path(".deployment_state.report.md").exists());
    let whole = bench.inventory();
    assert_ne!(whole, empty);

    bench.proxy.plan(ProxyPlan::forward());
    bench.deploy().expect(0);
    assert_eq!(bench.changes(), Vec::<String>::new());
    assert_eq!(bench.inventory(), whole);

    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), empty);
    bench.cleanup().expect(0);
}

#[test]
fn cleanup_needs_no_state_file() {
    let bench = Workbench::new();
    let empty = bench.inventory();
    bench.deploy().expect(0);
    std::fs::remove_file(bench.path(".deployment_state")).unwrap();
    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), empty);
}

#[test]
fn the_second_deploy_reads_the_same_in_a_crowded_account() {
    let mut bench = Workbench::new();
    let mut reads = Vec::new();
    // The engine's own tests have thousands; this server would need minutes to list them.
    for crowd in [0, 500] {
        bench.again();
        bench.moto.seed_foreign(crowd, crowd * 2 / 5);
        bench.deploy().expect(0);
        bench.proxy.plan(ProxyPlan::forward());
        bench.deploy().expect(0);
        assert_eq!(bench.changes(), Vec::<String>::new());
        reads.push(bench.proxy.calls().len());
    }
    assert_eq!(reads[0], reads[1]);
}

#[test]
fn the_client_secret_reaches_no_file_and_no_output() {
    let bench = Workbench::new();
    let deployed = bench.deploy().expect(0);
    let status = bench.run(&["status", "--format", "json"]).expect(0);
    let secret = bench.moto.python(
        "import boto3, json\n\
         c = boto3.client('cognito-idp')\n\
         pool = c.list_user_pools(MaxResults=60)['UserPools'][0]['Id']\n\
         client = c.list_user_pool_clients(UserPoolId=pool)['UserPoolClients'][0]['ClientId']\n\
         print(json.dumps(c.describe_user_pool_client(UserPoolId=pool, ClientId=client)['UserPoolClient']['ClientSecret']))\n",
        &[],
    );
    let secret = secret.as_str().unwrap();
    assert!(secret.len() > 10, "no secret to look for");
    let mut seen = vec![deployed.stdout, deployed.stderr, status.stdout, status.stderr];
    for name in [".deployment_state", ".deployment_state.report.json", ".deployment_state.report.md"] {
        seen.push(std::fs::read_to_string(bench.path(name)).unwrap());
    }
    for text in seen {
        assert!(!text.contains(secret));
        assert!(!text.contains("not-a-secret"), "the access key's secret");
    }
}
