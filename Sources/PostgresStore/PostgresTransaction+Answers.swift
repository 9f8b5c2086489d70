internal import Causality
internal import Storage

/// Answers that the transaction keeps, until they are sent.
struct GatheredAnswers {
    var isEmpty: Bool { true }
}

extension PostgresTransaction {
    func answer(
        to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) -> KeptAnswer? { nil }

    func keep(
        _ answer: KeptAnswer, to key: AnswerKey, of device: Identifier, in space: Identifier
    ) throws(StoreError) {}

    /// Into the first pipeline, behind the locks; any number of statements.
    func sendAnswerQueries(_ touched: [TouchedRecords]) throws(PostgresFailure) {}

    /// What those statements gave, one result each.
    func readAnswers(_ results: [Rows], _ touched: [TouchedRecords]) throws(PostgresFailure) {}

    /// Into the second pipeline, before the COMMIT.
    func sendAnswers() throws(PostgresFailure) {}
}
