//! What a service may and may not do, asked of the running one: exposure as systemd sees it, and files.

use systemd::units::{self, CHECK_SERVICE, PROXY_SERVICE, RENEW_SERVICE};

use crate::host::{drop_in, installed, serving};

#[test]
fn a_running_machine_sees_them_as_tight_as_they_were_judged_and_has_nothing_to_say() {
    let machine = serving();
    for unit in
        [PROXY_SERVICE, RENEW_SERVICE, CHECK_SERVICE, units::BACKUP_SERVICE, "sre-agent-failed@x.service"]
    {
        machine.run(&["systemd-analyze", "security", "--no-pager", "--threshold=15", unit]);
        let file = format!("/etc/systemd/system/{unit}");
        let judged = machine.output(&["systemd-analyze", "verify", "--man=no", &file]);
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success() && said.is_empty(), "{unit}: {said}");
    }
}

#[test]
fn renewal_can_exchange_the_pair_and_little_else() {
    let machine = installed().boot();
    // What renewal does to files, in shell: aside, to the proxy's group, and one link exchanged.
    let script = "\
        set -eu\n\
        cd /etc/sre-agent/tls\n\
        mkdir pairs/second\n\
        cp pairs/first/*.pem pairs/second/\n\
        chgrp bedrock-nova-proxy pairs/second pairs/second/*.pem\n\
        chmod 0750 pairs/second; chmod 0640 pairs/second/*.pem\n\
        ln -s pairs/second live.new\n\
        mv -T live.new live\n\
        echo challenge >challenges/localhost.pem\n\
        echo state >/var/lib/sre-agent/state\n\
        for place in /etc/sre-agent/x /etc/x /usr/x /opt/sre-agent/bin/x /var/lib/x /root/x /home/x; do\n\
            if touch $place 2>/dev/null; then echo \"could write $place\"; exit 1; fi\n\
        done\n\
        if chown nobody pairs/second 2>/dev/null; then echo 'could give files away'; exit 1; fi\n\
        if mount -t tmpfs none /mnt 2>/dev/null; then echo 'could mount'; exit 1; fi\n\
        echo 'all as it should be'\n";
    machine.write("/opt/sre-agent/bin/script", script.as_bytes(), 0o755);
    drop_in(
        &machine,
        RENEW_SERVICE,
        "[Service]\nExecStart=\nExecStart=/bin/sh /opt/sre-agent/bin/script\n[Unit]\nOnFailure=\n",
    );
    let output = machine.output(&["systemctl", "start", RENEW_SERVICE]);
    let said = machine.journal(RENEW_SERVICE);
    assert!(output.status.success() && said.contains("all as it should be"), "{said}");
    let state = machine.shell("cd /etc/sre-agent/tls; readlink live; stat -c '%U %G %a' pairs/second pairs/second/*.pem challenges/*");
    assert_eq!(
        state,
        "pairs/second\nroot bedrock-nova-proxy 750\nroot bedrock-nova-proxy 640\nroot bedrock-nova-proxy 640\n\
         root bedrock-nova-proxy 600\n"
    );
}
