import Causality
import Storage
import Testing
import Wire

@Suite struct CursorTests {
    private struct File: Decodable {
        struct Valid: Decodable {
            let generation: String
            let spaceTag: UInt32
            let position: Int64
            let text: String

            enum CodingKeys: String, CodingKey {
                case generation, position, text
                case spaceTag = "space_tag"
            }
        }

        struct Invalid: Decodable {
            let text: String
            let why: String
        }

        let valid: [Valid]
        let invalid: [Invalid]
    }

    @Test func cursorsAreWrittenAndReadAsTheVectorsSay() throws {
        let file = try Vectors.load("cursors.json", as: File.self)
        for vector in file.valid {
            let cursor = try Cursor(parsing: vector.text)
            #expect(cursor.text == vector.text)
            #expect(cursor.generation == UInt64(vector.generation, radix: 16).map { Generation($0) })
            #expect(cursor.spaceTag == vector.spaceTag)
            #expect(cursor.position == Position(vector.position))
        }
        for vector in file.invalid {
            #expect(throws: CursorError.self, "\(vector.why)") { try Cursor(parsing: vector.text) }
        }
    }

    @Test func aSpaceTagIsTheBeginningOfTheNamesDigest() {
        // echo -n own | sha256sum
        #expect(Cursor.spaceTag(of: "") == 0xe3b0_c442)
    }
}
