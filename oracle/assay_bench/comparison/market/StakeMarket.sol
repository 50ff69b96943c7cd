// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Stakes on predictions, paid or burned by the score that the market's owner reports, after Numerai (2017)
contract StakeMarket {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    address public immutable OWNER = msg.sender;
    mapping(address modeller => uint256) public stakes;
    mapping(address modeller => bytes32) public predictions;

    event Staked(address indexed modeller, uint256 stake, bytes32 predictions);
    event Scored(address indexed modeller, uint256 paid, uint256 burned);

    constructor() payable {}

    /// @notice Stakes on predictions, which are committed to by their hash.
    function stake(bytes32 hash) external payable {
        require(stakes[msg.sender] == 0, "staked already");
        stakes[msg.sender] = msg.value;
        predictions[msg.sender] = hash;
        emit Staked(msg.sender, msg.value, hash);
    }

    /// @notice The owner, who alone knows the labels, reports a score: the stake comes back with a reward, or is burned.
    function settle(address modeller, uint256 reward) external {
        require(msg.sender == OWNER, "the owner scores");
        uint256 amount = stakes[modeller];
        require(amount != 0, "no stake");
        stakes[modeller] = 0;
        emit Scored(modeller, reward, reward == 0 ? amount : 0);
        (bool sent,) = (reward == 0 ? BURNED : modeller).call{value: reward == 0 ? amount : amount + reward}("");
        require(sent, "the transfer failed");
    }
}
