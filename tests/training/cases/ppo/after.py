import flax.nnx
import optax

from parts import ActorCritic, clamp, exp, gather, minimum, mse_loss, no_grad, transitions

clip_eps, vf_coef, ent_coef = 0.2, 0.5, 0.01
update_epochs = 4

agent = ActorCritic()
optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(learning_rate=2.5e-3, eps=1e-5))
opt_state = optimizer.init(flax.nnx.state(agent, flax.nnx.Param))

losses = []
for obs, actions, returns, _, _ in transitions(13):
    # what the policy did when it acted
    with no_grad():
        old_logits, values = agent(obs)
        old_logprob = gather(old_logits, actions)
        advantages = returns - values

    for _ in range(update_epochs):
        def loss_fn(agent):
            logprobs, newvalue = agent(obs)
            logratio = gather(logprobs, actions) - old_logprob
            ratio = exp(logratio)

            # Policy loss
            pg_loss1 = advantages * ratio
            pg_loss2 = advantages * clamp(ratio, 1 - clip_eps, 1 + clip_eps)
            pg_loss = -minimum(pg_loss1, pg_loss2).mean()

            # Value loss
            v_loss = 0.5 * mse_loss(newvalue, returns)

            entropy_loss = -(exp(logprobs) * logprobs).sum(-1).mean()
            return pg_loss - ent_coef * entropy_loss + v_loss * vf_coef, (logratio, ratio, v_loss)

        grads, (logratio, ratio, v_loss) = flax.nnx.grad(loss_fn, has_aux=True)(agent)
        approx_kl = ((ratio - 1) - logratio).mean().item()

        params = flax.nnx.state(agent, flax.nnx.Param)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        params = optax.apply_updates(params, updates)
        flax.nnx.update(agent, params)
        losses.append(v_loss.item())
        if approx_kl > 0.5:
            break

MODELS = [agent]
