internal import Wire

/// `POST /v1/resolve`.
extension RESTRoutes {
    /// What the request names is looked up in the commit, not here: a version that somebody settled meanwhile must not
    /// come back, and the same request, when it comes again, must find its answer first.
    func resolve(_ request: RESTRequest, reply: @escaping Reply) throws {
        let holder = try holder(request)
        let resolve: ResolveRequest
        do throws(FrameError) {
            resolve = try ResolveRequest.decode(request.body, limits: core.wireLimits)
        } catch {
            throw Problem(error)
        }
        let access = try access(request, of: holder)
        let device = try device(request, of: holder)
        let written = PushDesk.Written(
            resolve.push, settlements: resolve.settlements, answerKey: RESTRoutes.answerKey(resolve.push, request))
        PushDesk(core: core, asker: request.asker).take(
            written, messageBytes: request.body.count, from: holder.user, device, to: access
        ) { answer in
            reply(RESTAnswer(answer))
        }
    }
}
