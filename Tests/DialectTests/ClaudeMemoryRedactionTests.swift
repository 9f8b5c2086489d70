import Foundation
import Testing

@testable import ClaudeMemoryDialect

/// What Protocol/dialects/REDACTION.md promises. The keys here are nobody's.
@Suite("claude-memory redaction")
struct ClaudeMemoryRedactionTests {
    // Put together, so that nobody's scanner takes this file for a leak.
    static let digits36 = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    static let base40 = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    /// Text with a credential, and what it is to read.
    static let leaks: [(String, String)] = [
        ("key AKI" + "AIOSFODNN7EXAMPLE.", "key [REDACTED:aws_access_key]."),
        ("ASI" + "AIOSFODNN7EXAMPLE", "[REDACTED:aws_access_key]"),
        ("AWS_SECRET_ACCESS_KEY=\(base40)", "AWS_SECRET_ACCESS_KEY=[REDACTED:aws_secret_key]"),
        ("aws_secret_access_key = \"\(base40)\"", "aws_secret_access_key = \"[REDACTED:aws_secret_key]\""),
        ("secretAccessKey: '\(base40)'", "secretAccessKey: '[REDACTED:aws_secret_key]'"),
        ("use ghp_\(digits36) now", "use [REDACTED:github_token] now"),
        ("gho_\(digits36)", "[REDACTED:github_token]"),
        ("ghs_\(digits36)", "[REDACTED:github_token]"),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "[REDACTED:github_token]"),
        (
            "https://x-access-token:ghp_\(digits36)@github.com/a/b",
            "https://x-access-token:[REDACTED:url_password]@github.com/a/b"
        ),
        ("glpat-abcdefghij1234567890", "[REDACTED:gitlab_token]"),
        ("(xoxb-" + "123456789012-abcdefghijkl)", "([REDACTED:slack_token])"),
        ("xoxp-" + "123456789012-345678901234", "[REDACTED:slack_token]"),
        ("sk_live_" + "abcdefghijklmnop12345678", "[REDACTED:stripe_key]"),
        ("rk_live_" + "abcdefghijklmnop12345678", "[REDACTED:stripe_key]"),
        ("whsec_abcdefghijklmnopqrstuvwxyz123456", "[REDACTED:stripe_key]"),
        ("sk-abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKL", "[REDACTED:openai_key]"),
        ("sk-proj-abc_DEF-123456789012345678901234", "[REDACTED:openai_key]"),
        ("OPENAI_API_KEY=sk-abcdefghijklmnop1234", "OPENAI_API_KEY=[REDACTED:openai_key]"),
        ("sk-ant-api03-abcdefghij_klmnop-qrstuv", "[REDACTED:anthropic_key]"),
        ("AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "[REDACTED:google_api_key]"),
        ("GOCSPX-abcdefghijklmnopqrstuvwxyz12", "[REDACTED:google_oauth]"),
        ("npm_\(digits36)", "[REDACTED:npm_token]"),
        ("hf_abcdefghijklmnopqrstuvwxyz12345678", "[REDACTED:huggingface_token]"),
        ("SG." + "abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890123456", "[REDACTED:sendgrid_key]"),
        ("pypi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0NTY3ODkwMTI", "[REDACTED:pypi_token]"),
        ("dop_v1_" + String(repeating: "0a", count: 32), "[REDACTED:digitalocean_token]"),
        ("car_AbCd1234_" + String(repeating: "aB3", count: 14) + "x", "[REDACTED:carillon_key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27", "[REDACTED:jwt]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----\nafter",
            "[REDACTED:private_key]\nafter"
        ),
        (#"k: "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n""#, #"k: "[REDACTED:private_key]\n""#),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nQmFzZTY0QmFzZTY0QmFz\nThat was it.",
            "[REDACTED:private_key]\nThat was it."
        ),
        ("password=hunter2", "password=[REDACTED:password]"),
        ("db_password=s3cr3t&x=1", "db_password=[REDACTED:password]&x=1"),
        ("PGPASSWORD=abc psql", "PGPASSWORD=[REDACTED:password] psql"),
        ("Passwd: Tr0ub4dor&3", "Passwd: [REDACTED:password]&3"),
        ("the passwd: hunter2, he said", "the passwd: [REDACTED:password], he said"),
        (#"{"password": "correct-horse"}"#, #"{"password": "[REDACTED:password]"}"#),
        ("--password=geheim --user=x", "--password=[REDACTED:password] --user=x"),
        ("pwd=äöü123", "pwd=[REDACTED:password]"),
        ("api_key: abcdef0123456789", "api_key: [REDACTED:secret]"),
        ("client-secret = 'abcdef0123456789'", "client-secret = '[REDACTED:secret]'"),
        ("Authorization: Bearer abcdef0123456789XYZ", "Authorization: Bearer [REDACTED:bearer_token]"),
        ("-H 'authorization: bearer ghp_\(digits36)'", "-H 'authorization: bearer [REDACTED:github_token]'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [REDACTED:basic_auth]"),
        ("postgres://bob:p%40ss@db:5432/x", "postgres://bob:[REDACTED:url_password]@db:5432/x"),
        ("redis://:s3cret@cache", "redis://:[REDACTED:url_password]@cache"),
        ("mongodb+srv://u:p@ss@h", "mongodb+srv://u:[REDACTED:url_password]@h"),
    ]

    /// Texts that hold none.
    static let plain = [
        "The user prefers tabs over spaces and Postgres 17.", "",
        "Forgot your password? Reset the password: it must have 12 characters.",
        "The password is kept in the vault.", "Password: required", "password: string", "password: str = Field(...)",
        "password = input(\"Password: \")", "password=config.password", "if password == other: pass",
        "password=$DB_PASSWORD", "password=${DB_PASSWORD}", "password=<your password>", "password: ********",
        "PGPASSWORD=$(cat file)", "\"password\": \"Enter your password\"", "<input type=\"password\" name=\"pwd\">",
        "PWD=/home/user OLDPWD=/tmp", "password_hash=abc", "passwords: 12", "PASSWORD_FILE=/run/secrets/db",
        "api_key: your_api_key_here", "Set the api_key in the config.", "access_token: string",
        "token_count=123456789012", "the secret key of cooking is 2 h of patience",
        "bearer of bad news", "Bearer authentication is RFC 6750", "the Bearer token goes into the header",
        "sk-learn and scikit-learn", "class sk-estimator-doc-link", "sk-internationalization",
        "task-123456789012345678901",
        "AKIA is a prefix", "xAKIAIOSFODNN7EXAMPLE1", "ghp_short", "glpat-short", "xoxb-", "AIzaShort",
        "npm_config_registry", "npm_lifecycle_event", "eyJ is how a JWT begins", "eyJhbGciOi.notajwt",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
        "https://example.com/a:b@c", "http://localhost:8080/@scope/pkg", "mailto:bob@example.com",
        "git@github.com:owner/repo.git", "ssh://git@github.com/x", "postgres://bob@db/x", "postgres://u:$PASS@h",
        "commit 58529cd3f0e1b2a4c5d6e7f80912a3b4c5d6e7f8", "id 550e8400-e29b-41d4-a716-446655440000",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "tags: a,b,c; importance: 0.9", "Grüße aus Köln: 密码 is Chinese for a word", "car_park_1",
        "std::string password::get()", "import { password } from './x'", "SG. is Singapore",
    ]

    @Test("what looks like a credential is replaced, and nothing around it", arguments: leaks)
    func leak(text: String, wanted: String) {
        #expect(Redactor.redact(text) == wanted)
        #expect(Redactor.redact("vorher é \(text)\nnachher") == "vorher é \(wanted)\nnachher")
    }

    @Test("what was redacted once stays as it is", arguments: leaks.map(\.0))
    func idempotence(text: String) {
        #expect(Redactor.redact(text).flatMap(Redactor.redact) == nil)
    }

    @Test("ordinary text stays as it is", arguments: plain)
    func ordinary(text: String) {
        #expect(Redactor.redact(text) == nil)
        #expect(Redactor.redact("(\(text))\n") == nil)
    }

    @Test("several credentials in one text all go")
    func several() {
        let text = ClaudeMemoryRedactionTests.leaks.map(\.0).joined(separator: " \n")
        let wanted = ClaudeMemoryRedactionTests.leaks.map(\.1).joined(separator: " \n")
        #expect(Redactor.redact(text) == wanted)
    }

    /// Texts that begin a pattern over and over, and end none.
    static let hostile = [
        "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-eyJ", "-eyJ-eyJ.", "eyJaaaaaaaa.", "sk-", "sk-a-", "sk-ant-",
        "AIza-",
        "password=(", "password:", "passwd:passwd", "secret_access_key=", "password=\"", "a://b:", "a://", "Bearer ",
        "bearer a.", "authorization:basic ", "ghp_", "glpat-a", "xoxb-a", "SG.a", "car_a", "pypi-a", "a", "-", ":", "é",
    ]

    @Test("a hostile text of twice the length costs twice as much", arguments: hostile)
    func linear(unit: String) {
        func seconds(_ bytes: Int) -> Double {
            let text = String(repeating: unit, count: max(1, bytes / unit.utf8.count))
            return (0..<3).map { _ in
                let begin = clock()
                _ = Redactor.redact(text)
                return Double(clock() - begin) / Double(CLOCKS_PER_SEC)
            }.min() ?? 0
        }
        // `clock` counts the whole process: suites that run beside this one are in it, so the bound is wide. A matcher
        // that looks at all that follows would be at 16.
        let (short, long) = (seconds(32 << 10), seconds(512 << 10))
        #expect(long < 16 * short * 4 + 0.5, "\(unit): \(short) s, then \(long) s")
    }
}
