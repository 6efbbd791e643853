import Gateways
import Secrets
import Testing

struct SecretTests {
    @Test func `a secret cannot be printed by any way of printing`() {
        let secret = Secret("sk-hush")
        var dumped = ""
        dump([secret], to: &dumped)
        let mirrored = Mirror(reflecting: secret).children.map { "\($0)" }.joined()
        let holder = (secret, Optional(secret), [secret], ["k": secret])
        let texts = [
            "\(secret)", secret.debugDescription, String(describing: secret),
            String(reflecting: secret), dumped, mirrored, "\(holder)", String(reflecting: holder),
        ]
        for text in texts { #expect(!text.contains("hush"), "\(text.count) characters") }
        #expect(secret.reveal() == "sk-hush")
    }

    @Test(arguments: [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.openai.com", "https://api.openai.com/v1"),
        ("https://api.openai.com/", "https://api.openai.com/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1///", "http://127.0.0.1:8080/v1"),
        (
            "https://gateway.example/openai/deployments/x",
            "https://gateway.example/openai/deployments/x"
        ),
        ("http://[::1]:80", "http://[::1]:80/v1"),
    ])
    func `where the API is`(text: String, url: String) {
        #expect(APIEndpoint(baseURL: text, key: Secret("k"))?.baseURL == url)
    }

    @Test(arguments: [
        "", "api.openai.com", "ftp://host", "https://", "https:///v1", "https://user:word@host/v1",
        "https://host/v1?key=x", "https://host/v1#x", "https://host /v1", "https://höst/v1",
        "https://host\r\nX: y", "file:///etc/passwd", "https:/host",
    ])
    func `what is no address of an API`(text: String) {
        #expect(APIEndpoint(baseURL: text, key: Secret("k")) == nil)
    }

    @Test func `an endpoint without a key begins with the primary's, and is renewed alone`() throws
    {
        let primary = Secret("sk-one")
        let text = """
            [{"name": "b", "base_url": "https://b.example"},
             {"name": "c", "base_url": "https://c.example", "api_key": "sk-c"}]
            """
        let list = try EndpointList.endpoints(text, defaultKey: primary)
        #expect(list.map { $0.key.reveal() } == ["sk-one", "sk-c"])
        list[0].key.renew("sk-two")
        #expect(primary.reveal() == "sk-one")
        primary.renew("sk-three")
        #expect(list.map { $0.key.reveal() } == ["sk-two", "sk-c"])
    }
}
