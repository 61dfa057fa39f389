"""Reasons of failed checks with internal details, and the public version of each."""

REASONS = {
    "status 503 (accepted: 200-299)": "status 503",
    "status 401 (accepted: 200-299) (redirected to https://sso.lan/?token=x)": "status 401",
    "status 5031": "the check failed",
    "timed out after 10 s while connecting to db.lan": "timed out",
    "host not found: db.lan": "host not found",
    "the name server did not answer for db.lan": "the name server gave no answer",
    "connection refused": "connection refused",
    "connection reset by the server before the body was complete": "connection reset by the server",
    "none of the 2 addresses can be connected to": "no connection",
    "address refused: 10.0.0.5 is a private address": "the check failed",
    "TLS: certificate is not valid for 'db.lan'": "the secure connection failed",
    "certificate expires in 3 days (limit 14)": "the certificate expires soon",
    "keyword not found": "the answer is not as expected",
    'JSON path $.password is "hunter2", not "ok"': "the answer is not as expected",
    "body is not JSON": "the answer is not as expected",
    "A record is 10.0.0.5, not 10.0.0.6": "the check failed",
    "redirect loop at http://db.lan/?key=hunter2": "the check failed",
    "no heartbeat came in time": "no heartbeat came in time",
    "": "the check failed",
}
