import Causality
import Dispatch
import Foundation
import Storage
import Testing

/// How many devices a user may have, and what is kept of one.
@Suite struct DeviceConformance {
    private func device(
        _ id: String, of user: Identifier = "1", replica: String? = nil, under key: String? = nil
    ) -> Device {
        Device(
            userID: user, id: Identifier(unchecked: id), replica: Identifier(unchecked: replica ?? id), name: "",
            platform: "", registeredAt: Position(1), lastSeenAt: Position(1), registrationKey: key,
            clientVersion: "1.\u{e4}")
    }

    private func accounts(_ kind: StoreUnderTest) throws -> any AccountStore {
        let accounts = try kind.open().accounts
        for user: Identifier in ["1", "2"] { try accounts.add(User(id: user, name: user)) }
        return accounts
    }

    /// Nil where nothing is thrown.
    private func isOverLimit(_ body: () throws -> Void) -> Bool? {
        do {
            try body()
            return nil
        } catch {
            if case StoreError.limitReached = error { return true }
            return false
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func oneDeviceMoreThanAllowedIsRefusedAndOneThatIsThereIsNot(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        #expect(try accounts.registerOnce(device("a"), devicesMax: 2) == device("a"))
        #expect(try accounts.registerOnce(device("b", under: "k"), devicesMax: 2).replica == "b")
        #expect(isOverLimit { _ = try accounts.registerOnce(device("c"), devicesMax: 2) } == true)
        #expect(try accounts.devices(of: "1").map(\.id) == ["a", "b"])
        #expect(try accounts.device("a", of: "1")?.clientVersion == "1.\u{e4}")
        // Anew, or again: also when the limit has fallen under what there is.
        #expect(try accounts.registerOnce(device("a", replica: "a2"), devicesMax: 1).replica == "a2")
        #expect(try accounts.registerOnce(device("b", replica: "b2", under: "k"), devicesMax: 0).replica == "b")
        #expect(try accounts.registerOnce(device("c", of: "2"), devicesMax: 1).replica == "c")
        #expect(try accounts.removeDevice("a", of: "1"))
        #expect(try accounts.registerOnce(device("c"), devicesMax: 2).replica == "c")
        #expect(try accounts.registerOnce(device("d"), devicesMax: nil).replica == "d")
        #expect(isOverLimit { _ = try accounts.registerOnce(device("x", of: "nobody"), devicesMax: 2) } == false)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func registrationsThatComeTogetherDoNotGoOverTheLimit(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        for round in 0..<5 {
            let refused = Tally()
            DispatchQueue.concurrentPerform(iterations: 8) { number in
                do {
                    _ = try accounts.registerOnce(device("\(round)-\(number)"), devicesMax: 3 * (round + 1))
                } catch {
                    refused.add(error)
                }
            }
            #expect(try accounts.devices(of: "1").count == 3 * (round + 1))
            #expect(refused.errors.count == 5)
            #expect(refused.errors.allSatisfy { if case StoreError.limitReached = $0 { true } else { false } })
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatARequestBeginsWithIsTheDeviceItsNoteAndTheTeams(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        #expect(
            try accounts.attendance(of: "a", "1", note: "n")
                == Attendance(device: nil, note: nil, memberships: [], teammates: []))
        try accounts.register(device("a"))
        try accounts.register(device("a", of: "2"))
        try accounts.keepNote([1, 0], "n", device: "a", of: "1", isLazy: true)
        try accounts.keepNote([2], "m", device: "a", of: "1")
        try accounts.add(Team(id: "t", name: "team"))
        for user: Identifier in ["1", "2"] {
            try accounts.setMember(Membership(teamID: "t", userID: user, role: .member))
        }
        let found = try accounts.attendance(of: "a", "1", note: "n")
        #expect(try found.device == accounts.device("a", of: "1") && found.note == [1, 0])
        #expect(try found.memberships == accounts.memberships(of: "1") && found.memberships.count == 1)
        #expect(found.teammates == ["2"])
        let other = try accounts.attendance(of: "a", "2", note: "n")
        #expect(other.device?.userID == "2" && other.note == nil && other.teammates == ["1"])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aNoteIsKeptInPlaceOfAnEarlierOneAndGoesWithItsDevice(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        try accounts.register(device("a", under: "k"))
        try accounts.register(device("a", of: "2"))
        let note: [UInt8] = [0, 0xff, 7]
        try accounts.keepNote(note, "n", device: "a", of: "1")
        try accounts.keepNote([9], "m", device: "a", of: "1")
        try accounts.keepNote([1], "n", device: "none", of: "1")
        try accounts.keepNote([1], "n", device: "a", of: "none")
        #expect(try accounts.note("n", device: "a", of: "1") == note && accounts.note("m", device: "a", of: "1") == [9])
        #expect(try accounts.note("n", device: "a", of: "2") == nil && accounts.note("x", device: "a", of: "1") == nil)
        #expect(try accounts.note("n", device: "none", of: "1") == nil)
        try accounts.keepNote([], "n", device: "a", of: "1", isLazy: true)
        #expect(try accounts.note("n", device: "a", of: "1") == [])
        // The same registration keeps them, and another one does not.
        _ = try accounts.registerOnce(device("a", under: "k"), devicesMax: 1)
        #expect(try accounts.note("m", device: "a", of: "1") == [9])
        _ = try accounts.registerOnce(device("a", under: "k2"), devicesMax: 1)
        #expect(try accounts.note("m", device: "a", of: "1") == nil)
        try accounts.keepNote([2], "m", device: "a", of: "1")
        try accounts.register(device("a"))
        #expect(try accounts.note("m", device: "a", of: "1") == nil)
        try accounts.keepNote([3], "m", device: "a", of: "1")
        try accounts.keepNote([4], "m", device: "a", of: "2")
        #expect(try accounts.removeDevice("a", of: "1"))
        try accounts.register(device("a"))
        #expect(try accounts.note("m", device: "a", of: "1") == nil && accounts.note("m", device: "a", of: "2") == [4])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func ofTooManyNotesTheOneThatWasKeptLongestGoes(_ kind: StoreUnderTest) throws {
        let accounts = try accounts(kind)
        try accounts.register(device("a"))
        try accounts.register(device("b"))
        let large = [UInt8](repeating: 0xab, count: DeviceNote.bytesMax)
        let name = String(repeating: "n", count: 126)
        for number in 0..<DeviceNote.countMax {
            try accounts.keepNote(large, name + "\(number)", device: "a", of: "1")
        }
        try accounts.keepNote([2], "of another", device: "b", of: "1")
        // Kept anew: no longer the oldest.
        try accounts.keepNote([1], name + "0", device: "a", of: "1")
        try accounts.keepNote([3], "new", device: "a", of: "1")
        func isKept(_ name: String) throws -> Bool { try accounts.note(name, device: "a", of: "1") != nil }
        #expect(try !isKept(name + "1") && isKept(name + "0") && isKept(name + "2") && isKept("new"))
        #expect(try accounts.note(name + "31", device: "a", of: "1") == large)
        #expect(try accounts.note("of another", device: "b", of: "1") == [2])
    }
}
