import Testing

@testable import Hub

@Suite("Whoever was just answered")
struct CompanyTests {
    @Test("is waited for where halves would take turns")
    func halves() {
        var company = Company()
        #expect(company.expected(answered: 16, waiting: 16) == 28)
        company.learn(cameInTime: true)
        #expect(company.expected(answered: 32, waiting: 0) == 28)
    }

    @Test("is not waited for when alone, or when nearly all are there")
    func nobodyElse() {
        var company = Company()
        #expect(company.expected(answered: 1, waiting: 0) == nil)
        #expect(company.expected(answered: 2, waiting: 30) == nil)
    }

    @Test("and does not come back, is waited for ever more seldom, and again when somebody did")
    func strangers() {
        var company = Company()
        var tries = 0
        for _ in 0..<1_000 where company.expected(answered: 4, waiting: 0) != nil {
            tries += 1
            company.learn(cameInTime: false)
        }
        #expect((8...12).contains(tries))
        company.learn(cameInTime: true)
        #expect(company.expected(answered: 4, waiting: 0) == 4)
    }
}
