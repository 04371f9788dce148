#!/usr/bin/python3
# Made by sre-agent-deploy. Fetches the bundle of this deployment, verifies it, installs it, and says how far it is.
# It may be run again at any time: sudo /usr/bin/python3 /var/lib/cloud/instance/scripts/part-001
import datetime
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

# SETTINGS

# Neither proxies nor redirects: the bundle comes from the bucket or not at all.
OPENER = urllib.request.OpenerDirector()
for handler in (urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPErrorProcessor,
                urllib.request.HTTPDefaultErrorHandler, urllib.request.UnknownHandler):
    OPENER.add_handler(handler())


class Trouble(Exception):
    def __init__(self, kind, detail):
        super().__init__()
        self.kind, self.detail = kind, detail

    def __str__(self):
        return '%s: %s' % (self.kind, self.detail)


def say(text):
    print('sre-agent-deploy: ' + text, flush=True)


def until(what, kind, patience, attempt):
    """Tries until it works; what will not get better by waiting is raised at once."""
    end = time.monotonic() + patience
    pause = 1
    while True:
        try:
            return attempt()
        except urllib.error.HTTPError as error:
            said = error.read(500).decode('utf-8', 'replace').replace('\n', ' ')
            trouble = Trouble(kind, '%s: HTTP %d %s' % (what, error.code, said))
            if kind != 'credentials' and error.code in (403, 404):
                trouble.kind = 'denied' if error.code == 403 else 'missing'
            if error.code == 404 or (error.code < 500 and error.code not in (401, 403, 429)):
                raise trouble
            # A role that was made a minute ago may not be known everywhere yet.
            if error.code == 403:
                end = min(end, time.monotonic() + patience / 5) if pause == 1 else end
        except (OSError, ValueError) as error:
            trouble = Trouble(kind, '%s: %s' % (what, error))
        if time.monotonic() + pause > end:
            raise trouble
        say('waiting: ' + trouble.detail)
        time.sleep(pause)
        pause = min(pause * 2, 15)


def imds(path):
    def ask():
        token = urllib.request.Request(IMDS + '/latest/api/token', method='PUT',
                                       headers={'X-aws-ec2-metadata-token-ttl-seconds': '300'})
        token = OPENER.open(token, timeout=5).read().decode()
        request = urllib.request.Request(IMDS + '/latest/' + path, headers={'X-aws-ec2-metadata-token': token})
        return OPENER.open(request, timeout=5).read().decode()
    return ask


def signed(method, url, service, headers, body, keys):
    """A request with AWS Signature Version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    scheme, rest = url.split('://', 1)
    host, path = rest.split('/', 1)
    digest = hashlib.sha256(body).hexdigest()
    headers = dict(headers, **{'host': host, 'x-amz-date': now, 'x-amz-content-sha256': digest,
                               'x-amz-security-token': keys['Token']})
    names = ';'.join(sorted(headers))
    canonical = '\n'.join([method, '/' + path, '',
                           ''.join('%s:%s\n' % (name, headers[name]) for name in sorted(headers)), names, digest])
    scope = '%s/%s/%s/aws4_request' % (now[:8], REGION, service)
    text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + keys['SecretAccessKey']).encode()
    for part in (now[:8], REGION, service, 'aws4_request'):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers['authorization'] = ('AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s'
                                % (keys['AccessKeyId'], scope, names, signature))
    return urllib.request.Request(url, method=method, headers=headers, data=body or None)


def credentials():
    role = until('the metadata service', 'credentials', PATIENCE, imds('meta-data/iam/security-credentials/'))
    text = until('the metadata service', 'credentials', PATIENCE,
                 imds('meta-data/iam/security-credentials/' + role.split()[0]))
    return json.loads(text)


def report(instance, keys, phase, trouble=None):
    """Tells the parameter. What cannot be told is shown on the console, and stops nothing."""
    say(phase if trouble is None else '%s: %s' % (phase, trouble))
    value = {'instance': instance, 'bundle': DIGEST, 'phase': phase}
    if trouble is not None:
        value.update(trouble=trouble.kind, detail=trouble.detail[-1500:])
    body = json.dumps({'Name': PARAMETER, 'Type': 'String', 'Overwrite': True, 'Value': json.dumps(value)}).encode()
    headers = {'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.PutParameter'}
    try:
        until('the parameter', 'network', PATIENCE / 5,
              lambda: OPENER.open(signed('POST', SSM + '/', 'ssm', headers, body, keys), timeout=20).read())
    except Trouble as untold:
        say('unreported: %s' % untold)


def fetch(path, keys):
    """Fetches a file beside its place, and answers its digest."""
    target = os.path.join(HOME, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)

    def attempt():
        request = signed('GET', S3 + '/' + PREFIX + path, 's3', {'x-amz-expected-bucket-owner': ACCOUNT}, b'', keys)
        digest = hashlib.sha256()
        with OPENER.open(request, timeout=60) as answer, open(target + '.new', 'wb') as file:
            while True:
                block = answer.read(1 << 20)
                if not block:
                    break
                digest.update(block)
                file.write(block)
        return digest.hexdigest()

    digest = until(path, 'network', PATIENCE, attempt)
    os.replace(target + '.new', target)
    return digest


def compare(path, wanted, found):
    if wanted != found:
        raise Trouble('checksum', '%s: SHA-256 is %s, and should be %s' % (path, found, wanted))


def run(kind, arguments):
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              cwd='/', env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8'},
                              timeout=1800)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Trouble(kind, '%s: %s' % (arguments[0], error))
    text = done.stdout.decode('utf-8', 'replace')
    print(text, flush=True)
    if done.returncode != 0:
        raise Trouble(kind, '%s ended with %d: %s' % (' '.join(arguments[:3]), done.returncode, text[-1200:]))


def install(instance, keys):
    sums = fetch('SHA256SUMS', keys)
    compare('SHA256SUMS', DIGEST, sums)
    with open(os.path.join(HOME, 'SHA256SUMS'), encoding='ascii') as file:
        wanted = dict(reversed(line.rstrip('\n').split('  ', 1)) for line in file)
    found = {path: fetch(path, keys) for path in sorted(wanted)}
    report(instance, keys, 'fetched')
    for path in sorted(wanted):
        compare(path, wanted[path], found[path])
    report(instance, keys, 'verified')
    for path in wanted:
        if path.startswith('bin/'):
            os.chmod(os.path.join(HOME, path), 0o700)
    program = os.path.join(HOME, 'bin/sre-agent-deploy')
    for path in (program, os.path.join(HOME, 'bin/bedrock-nova-proxy')):
        run('program', [path, '--version'])
    run('install', [program, 'host', 'install', '--bundle', HOME, '--yes', '--format', 'json'])


def main():
    os.umask(0o077)
    try:
        instance = until('the metadata service', 'credentials', PATIENCE, imds('meta-data/instance-id'))
        keys = credentials()
    except Trouble as trouble:
        say('failed: %s' % trouble)
        return 1
    report(instance, keys, 'started')
    try:
        install(instance, keys)
    except Trouble as trouble:
        report(instance, keys, 'failed', trouble)
        return 1
    except Exception as error:  # whatever it is, somebody waits to hear of it
        report(instance, keys, 'failed', Trouble('other', repr(error)))
        return 1
    shutil.rmtree(HOME, ignore_errors=True)
    report(instance, keys, 'installed')
    return 0


sys.exit(main())
