import torch

from parts import ActorCritic, clamp, exp, gather, minimum, mse_loss, no_grad, transitions

clip_eps, vf_coef, ent_coef = 0.2, 0.5, 0.01
update_epochs = 4

agent = ActorCritic()
optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-3, eps=1e-5)

losses = []
for obs, actions, returns, _, _ in transitions(13):
    # what the policy did when it acted
    with no_grad():
        old_logits, values = agent(obs)
        old_logprob = gather(old_logits, actions)
        advantages = returns - values

    for _ in range(update_epochs):
        logprobs, newvalue = agent(obs)
        logratio = gather(logprobs, actions) - old_logprob
        ratio = exp(logratio)
        approx_kl = ((ratio - 1) - logratio).mean().item()

        # Policy loss
        pg_loss1 = advantages * ratio
        pg_loss2 = advantages * clamp(ratio, 1 - clip_eps, 1 + clip_eps)
        pg_loss = -minimum(pg_loss1, pg_loss2).mean()

        # Value loss
        v_loss = 0.5 * mse_loss(newvalue, returns)

        entropy_loss = -(exp(logprobs) * logprobs).sum(-1).mean()
        loss = pg_loss - ent_coef * entropy_loss + v_loss * vf_coef

        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(agent.parameters(), max_norm=0.5)
        optimizer.step()
        losses.append(v_loss.item())
        if approx_kl > 0.5:
            break

MODELS = [agent]
